// SPDX-License-Identifier: Apache-2.0
// A file is opened only after O_PATH has shown that it is a regular file.
#include "nvidia_ctk/folder_probe.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "formats/elf.hpp"
#include "host/driver/driver_places.hpp"
#include "os/files.hpp"
#include "os/mount_id.hpp"
#include "os/mount_stack.hpp"
#include "os/own_procfs.hpp"
#include "os/read_link.hpp"
#include "os/syscalls.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxNames = 65'536;
constexpr std::size_t kMaxLibraries = 1024;

/// The loader's own directories on every distribution, and those of the image's.
bool is_searched_anyway(const std::string& path, const ContainerFacts& image) {
  constexpr std::array<std::string_view, 2> kEverywhere{"/lib", "/usr/lib"};
  const auto is_of_image = [&](const ContainerPath& directory) {
    return path == directory.str() || "/usr" + path == directory.str();
  };
  return std::find(kEverywhere.begin(), kEverywhere.end(), path) != kEverywhere.end() ||
         is_of_image(image.library_directory);
}

class FolderReader {
 public:
  FolderReader(const RootDir& rootfs, int directory, bool only_mounted)
      : rootfs_(rootfs), directory_(directory), own_mount_(mount_id_of(directory)) {
    // On a mount of its own all files were put there.
    only_mounted_ = only_mounted && own_mount_ == mount_id_of(rootfs.fd());
  }

  /// Finds all libraries that count, those that are `expected` to be mounted with the fewest calls.
  /// Returns false if there is too much.
  bool read(const std::vector<std::string>& expected, std::vector<FolderLibrary>& libraries) {
    if (!only_mounted_) return read_all_names(libraries);
    const std::set<std::uint64_t> known = read_expected(expected, libraries);
    const auto others = names_mounted_over(rootfs_.fd(), path_in_procfs(directory_), known);
    if (!others) return read_all_names(libraries);
    return std::all_of(others->begin(), others->end(), [&](const std::string& name) {
      return !is_library_name(name) || add(name, libraries);
    });
  }

 private:
  /// Returns the mounts that it has found.
  std::set<std::uint64_t> read_expected(const std::vector<std::string>& names,
                                        std::vector<FolderLibrary>& libraries) {
    std::set<std::uint64_t> mounts;
    const std::uint64_t own = unique_mount_id(directory_);
    if (own == 0) return mounts;
    for (const std::string& name : names) {
      if (libraries.size() >= kMaxLibraries || !is_library_name(name)) continue;
      const UniqueFd seen = open_name(name);
      const std::uint64_t mount = seen ? unique_mount_id(seen.get()) : own;
      if (mount == own || !mounts.insert(mount).second) continue;
      read_.insert(name);
      if (auto library = look_at(name, seen.get())) libraries.push_back(*std::move(library));
    }
    return mounts;
  }

  bool read_all_names(std::vector<FolderLibrary>& libraries) {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(
        ::fdopendir(::fcntl(directory_, F_DUPFD_CLOEXEC, 3)), &::closedir);
    if (!stream) return true;
    std::size_t names = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): this program has one thread
    while (const dirent* entry = ::readdir(stream.get())) {
      const std::string_view name = static_cast<const char*>(entry->d_name);
      if (++names > kMaxNames) return false;
      const bool may_be_file = entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN;
      if (!may_be_file || !is_library_name(name)) continue;
      if (only_mounted_ && is_on_mount(directory_, std::string(name), own_mount_)) continue;
      if (!add(std::string(name), libraries)) return false;
    }
    return true;
  }

  static bool is_library_name(std::string_view name) {
    return name.starts_with("lib") && name.find(".so") != std::string_view::npos;
  }

  bool add(const std::string& name, std::vector<FolderLibrary>& libraries) {
    if (!read_.insert(name).second) return true;
    if (libraries.size() >= kMaxLibraries) return false;
    const UniqueFd seen = open_name(name);
    auto library = seen ? look_at(name, seen.get()) : std::nullopt;
    if (library) libraries.push_back(*std::move(library));
    return true;
  }

  [[nodiscard]] UniqueFd open_name(const std::string& name) const {
    return sys::open_beneath(directory_, name.c_str(), O_PATH | O_NOFOLLOW, RESOLVE_BENEATH);
  }

  [[nodiscard]] std::optional<FolderLibrary> look_at(const std::string& name, int seen) const {
    if (!status_of(seen).is_regular()) return std::nullopt;
    const UniqueFd opened = open_to_read(seen);
    const auto elf = opened ? read_elf(reader_of(opened.get())) : std::nullopt;
    if (!elf) return std::nullopt;
    const bool is_native = elf->machine == kNativeMachine && elf->is_64bit;
    if (!is_native && elf->machine != kCompat32Machine) return std::nullopt;
    FolderLibrary library{.name = name,
                          .soname = elf->soname.empty() ? name : elf->soname,
                          .abi = is_native ? Abi::native : Abi::compat32};
    if (library.soname != name) find_soname(library);
    return library;
  }

  void find_soname(FolderLibrary& library) const {
    library.link = read_link_at(directory_, library.soname.c_str());
    library.is_soname_taken = !library.link && errno != ENOENT;
  }

  const RootDir& rootfs_;
  int directory_;
  std::uint64_t own_mount_;
  bool only_mounted_ = false;
  std::set<std::string> read_ = {};  ///< names that were looked at
};

/// The names in `folder` that config.json has something mounted over. What is mounted there, if
/// anything, must be looked at.
std::vector<std::string> names_in_spec(const std::string& folder, const ContainerSpec* spec) {
  std::vector<std::string> names;
  if (spec == nullptr) return names;
  const std::string begin = folder + "/";
  for (const SpecMount& mount : spec->mounts) {
    if (!mount.destination.starts_with(begin)) continue;
    std::string name = mount.destination.substr(begin.size());
    if (name.find('/') == std::string::npos) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace

std::vector<LibraryFolder> probe_folders(const std::vector<std::string>& folders,
                                         const ContainerFacts& image, const RootDir& rootfs,
                                         const OwnLayer& layer, const ContainerSpec* spec,
                                         Notes& notes) {
  std::vector<LibraryFolder> found;
  std::vector<std::string> seen;
  for (const std::string& text : folders) {
    const std::string path = clean_path("/" + text);
    UniqueFd opened = rootfs.open(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
    if (!opened) continue;
    const std::string resolved = rootfs.path_of(opened.get());
    if (resolved.empty() || std::find(seen.begin(), seen.end(), resolved) != seen.end()) continue;
    seen.push_back(resolved);
    LibraryFolder folder{.path = ContainerPath(path),
                         .is_default = is_searched_anyway(resolved, image)};
    const SharedFd directory = share(std::move(opened));
    folder.is_own = !layer.look_at(directory).obstacle();
    FolderReader reader(rootfs, directory->get(), folder.is_default);
    if (!reader.read(names_in_spec(path, spec), folder.libraries)) {
      notes.push_back(warning("left out the libraries in " + path + ": there are too many"));
      continue;
    }
    found.push_back(std::move(folder));
  }
  return found;
}

}  // namespace nvhook
