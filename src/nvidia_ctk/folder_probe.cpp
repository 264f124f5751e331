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
      : directory_(directory), own_mount_(mount_id_of(directory)) {
    // On a mount of its own all files were put there.
    only_mounted_ = only_mounted && own_mount_ == mount_id_of(rootfs.fd());
    if (only_mounted_) mounted_ = names_mounted_over(rootfs.fd(), path_in_procfs(directory));
  }

  /// Returns false if there is too much.
  bool read(std::vector<FolderLibrary>& libraries) {
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
      if (!add(std::string(name), libraries)) return false;
    }
    return true;
  }

 private:
  static bool is_library_name(std::string_view name) {
    return name.starts_with("lib") && name.find(".so") != std::string_view::npos;
  }

  /// Images have hundreds of libraries, so not each is asked for if the kernel can list the mounts.
  [[nodiscard]] bool is_mounted(const std::string& name) const {
    return mounted_ ? mounted_->contains(name) : !is_on_mount(directory_, name, own_mount_);
  }

  bool add(const std::string& name, std::vector<FolderLibrary>& libraries) {
    if (only_mounted_ && !is_mounted(name)) return true;
    if (libraries.size() >= kMaxLibraries) return false;
    if (auto library = look_at(name)) libraries.push_back(*std::move(library));
    return true;
  }

  [[nodiscard]] std::optional<FolderLibrary> look_at(const std::string& name) const {
    const UniqueFd seen =
        sys::open_beneath(directory_, name.c_str(), O_PATH | O_NOFOLLOW, RESOLVE_BENEATH);
    if (!seen || !status_of(seen.get()).is_regular()) return std::nullopt;
    const UniqueFd opened = open_to_read(seen.get());
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

  int directory_;
  std::uint64_t own_mount_;
  bool only_mounted_ = false;
  std::optional<std::set<std::string, std::less<>>> mounted_ = {};
};

}  // namespace

std::vector<LibraryFolder> probe_folders(const std::vector<std::string>& folders,
                                         const ContainerFacts& image, const RootDir& rootfs,
                                         const OwnLayer& layer, Notes& notes) {
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
    if (!FolderReader(rootfs, directory->get(), folder.is_default).read(folder.libraries)) {
      notes.push_back(warning("left out the libraries in " + path + ": there are too many"));
      continue;
    }
    found.push_back(std::move(folder));
  }
  return found;
}

}  // namespace nvhook
