// SPDX-License-Identifier: Apache-2.0
// The first library found for a name and ABI is taken, and later ones are noted.
#include "host/driver/driver_libraries.hpp"

#include <fcntl.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "formats/elf.hpp"
#include "formats/ld_cache.hpp"
#include "host/driver/driver_places.hpp"
#include "os/files.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxLoaderCache = 64UL << 20U;
constexpr std::string_view kManagementLibrary = "libnvidia-ml.so";

/// A cheap filter: whether the name could be that of a driver library.
bool may_be_driver_library(std::string_view name) {
  return name.find("nvidia") != std::string_view::npos || name.starts_with("libcuda") ||
         name.starts_with("libnv") || name.starts_with("libGL") || name.starts_with("libEGL") ||
         name == "libdxcore.so";
}

/// Sorts versions of one library: `libx.so.1.1.10` before `libx.so.1.1.2` before `libx.so`.
bool is_newer(const std::string& a, const std::string& b) {
  const std::string_view base = library_base_name(a);
  if (base != library_base_name(b)) return a < b;
  const auto version = [&](const std::string& name) {
    return name.size() > base.size() ? Version::parse(name.substr(base.size() + 1)) : std::nullopt;
  };
  const auto version_a = version(a);
  const auto version_b = version(b);
  // Names without a version come last, so that the order is consistent.
  if (version_a != version_b) return version_a > version_b;
  return a > b;
}

class LibraryFinder {
 public:
  LibraryFinder(const RootDir& root, const DriverFileQuery& query, Notes& notes)
      : root_(root), query_(query), notes_(notes), suffix_("." + query.driver.str()) {
    for (const Component& row : components()) {
      if (row.kind == ComponentKind::library) rows_[row.name] = &row;
    }
  }

  std::vector<DriverFile> find() {
    std::set<std::string> searched;
    for (const std::string& directory : query_.search_path) {
      search_directory(Abi::native, directory, searched);
    }
    // On WSL2 a Linux driver that happens to be installed is not the one of the Windows host.
    if (!query_.any_version) search_system();
    require_management_library();
    leave_out_legacy();
    note_missing();
    return take_files();
  }

 private:
  struct Key {
    Abi abi = Abi::native;
    const Component* row = nullptr;
    std::string name = {};

    friend bool operator<(const Key& a, const Key& b) {
      return std::tie(a.abi, a.row, a.name) < std::tie(b.abi, b.row, b.name);
    }
  };

  [[nodiscard]] bool wants_compat32() const { return query_.wanted.contains(Capability::compat32); }

  /// The key of the library that proves that a driver is installed.
  [[nodiscard]] static Key management() {
    return {.abi = Abi::native,
            .row = find_component(ComponentKind::library, kManagementLibrary),
            .name = std::string(kManagementLibrary)};
  }

  [[nodiscard]] bool is_wanted(const Component& row) const {
    return row.capabilities.empty() || row.capabilities.intersects(query_.wanted) ||
           row.name == kManagementLibrary;
  }

  // ---- where libraries are looked for

  void search_system() {
    search_loader_cache();
    search_directories(Abi::native, kMultiarchDirectories, kLibraryDirectories);
    if (wants_compat32()) {
      search_directories(Abi::compat32, kMultiarchDirectories32, kLibraryDirectories32);
    }
  }

  void search_loader_cache() {
    const auto bytes = root_.read(query_.loader_cache, kMaxLoaderCache);
    const auto entries = bytes ? parse_ld_cache(*bytes) : std::nullopt;
    if (!entries) {
      notes_.push_back(info("no usable loader cache at " + query_.loader_cache +
                            " in the driver root: searching the well-known directories"));
      return;
    }
    for (const LdCacheEntry& entry : *entries) {
      const std::string_view base = library_base_name(entry.name);
      const auto row = rows_.find(base);
      if (row == rows_.end() || !is_wanted(*row->second)) continue;
      if (entry.flags == native_library_flags()) {
        consider(*row->second, std::string(base), Abi::native, entry.path);
      } else if (wants_compat32() && entry.flags == compat32_library_flags()) {
        consider(*row->second, std::string(base), Abi::compat32, entry.path);
      }
    }
  }

  /// Searches the directories of the libraries found so far; if there are none, the well-known
  /// ones.
  void search_directories(Abi abi, std::span<const std::string_view> multiarch,
                          std::span<const std::string_view> others) {
    std::vector<std::string> directories;
    for (const auto& [key, file] : found_) {
      if (key.abi != abi) continue;
      directories.push_back(file.path.parent().str());
    }
    const bool told = abi == Abi::compat32 ? !directories.empty() : found_.contains(management());
    if (!told) {
      directories.insert(directories.end(), multiarch.begin(), multiarch.end());
      directories.insert(directories.end(), others.begin(), others.end());
    }
    std::set<std::string> searched;
    for (const std::string& directory : directories) {
      if (!directory.ends_with("/vdpau")) search_directory(abi, directory + "/vdpau", searched);
      search_directory(abi, directory, searched);
    }
  }

  void search_directory(Abi abi, const std::string& directory, std::set<std::string>& searched) {
    if (!searched.insert(directory).second) return;
    const UniqueFd fd = root_.open(directory, O_PATH | O_DIRECTORY);
    std::string resolved = fd ? root_.path_of(fd.get()) : std::string();
    if (resolved.empty()) return;
    if (resolved != directory && !searched.insert(resolved).second) return;
    std::vector<std::string> names = root_.list(resolved, may_be_driver_library);
    // If there are several versions, the newest comes first; of the driver's version there is one.
    std::sort(names.begin(), names.end(), is_newer);
    for (const std::string& name : names) {
      const Component* row = row_of(name);
      if (row == nullptr || !is_wanted(*row)) continue;
      const std::string base(library_base_name(name));
      const std::string path = resolved + "/" + name;
      const auto known = found_.find({abi, row, base});
      const bool is_settled = known != found_.end() &&
                              (known->second.path.str() == path || is_link_to(name, known->second));
      if (!is_settled) consider(*row, base, abi, path);
    }
    note_plain_links(abi, resolved, names);
  }

  /// Returns the row of a file in a library directory; nullptr if its name rules it out.
  [[nodiscard]] const Component* row_of(const std::string& name) const {
    const std::string_view base = library_base_name(name);
    const auto exact = rows_.find(base);
    if (exact != rows_.end() && exact->second->versioning == Versioning::own) return exact->second;
    const Component* row = exact != rows_.end() ? exact->second : classify_library(base);
    if (query_.any_version || row == nullptr) return row;
    if (name == base) return nullptr;  // a plain link; its target is in the directory as well
    // Accept any version of libnvidia-ml, to name the one that is there instead.
    const bool fits = name.ends_with(suffix_) || base == kManagementLibrary ||
                      (may_have_own_version(*row) &&
                       is_own_version(std::string_view(name).substr(base.size() + 1)));
    return fits ? row : nullptr;
  }

  /// Whether a name without the driver's version is no news, because the driver's file is known.
  [[nodiscard]] bool is_link_to(const std::string& name, const DriverFile& known) const {
    return !query_.any_version && !name.ends_with(suffix_) &&
           known.path.filename().ends_with(suffix_);
  }

  void note_plain_links(Abi abi, const std::string& directory,
                        const std::vector<std::string>& names) {
    for (auto& [key, file] : found_) {
      if (key.abi != abi || file.path.parent().str() != directory) continue;
      file.has_plain_link = std::find(names.begin(), names.end(), key.name) != names.end();
    }
  }

  // ---- which of them are taken

  void consider(const Component& row, const std::string& base, Abi abi, const std::string& path) {
    const UniqueFd fd = root_.open(path, O_PATH);
    if (!fd || !status_of(fd.get()).is_regular()) return;
    HostPath resolved(root_.path_of(fd.get()));
    if (resolved.empty()) return;
    if (!has_right_version(row, base, resolved.filename()) &&
        !is_versioned_by_link(base, path, resolved.filename())) {
      return;
    }
    const Key key{abi, &row, base};
    const auto chosen = found_.find(key);
    if (chosen != found_.end() && !is_better(resolved, chosen->second.path)) {
      if (chosen->second.path != resolved) {
        notes_.push_back(info("selected " + chosen->second.path.str() + " over " + resolved.str()));
      }
      return;
    }
    const auto elf = read_header(resolved.str());
    const std::uint16_t machine = abi == Abi::native ? kNativeMachine : kCompat32Machine;
    if (!elf || elf->machine != machine) {
      reject(resolved, std::string("not a shared object of the ") +
                           (abi == Abi::native ? "native" : "32-bit") + " ABI");
      return;
    }
    // A library with another SONAME would hide another library in the container.
    if (!elf->soname.empty() && library_base_name(elf->soname) != base) {
      reject(resolved, "its SONAME is " + elf->soname);
      return;
    }
    found_[key] = {.kind = ComponentKind::library,
                   .component = &row,
                   .abi = abi,
                   .path = std::move(resolved),
                   .found_as = HostPath(path),
                   .soname = elf->soname};
  }

  /// A file of the driver's version is better than one with a version of its own.
  [[nodiscard]] bool is_better(const HostPath& path, const HostPath& than) const {
    return !query_.any_version && path.filename().ends_with(suffix_) &&
           !than.filename().ends_with(suffix_);
  }

  /// In a directory that both ABIs use, each finds the other's files. Warn once for each file.
  void reject(const HostPath& path, const std::string& why) {
    if (rejected_.insert(path).second) {
      notes_.push_back(warning("left out " + path.str() + ": " + why));
    }
  }

  bool has_right_version(const Component& row, const std::string& base, const std::string& name) {
    if (!name.starts_with(base)) return false;
    if (query_.any_version || name.ends_with(suffix_)) return true;
    if (row.name == kManagementLibrary) note_management_library(base, name);
    if (name.size() <= base.size() + 1) return row.versioning == Versioning::own;
    return may_have_own_version(row) &&
           is_own_version(std::string_view(name).substr(base.size() + 1));
  }

  /// Whether a link of the driver's version leads to a file beside it that has at most the number
  /// of the interface in its name: since 590 packages for Fedora and RHEL have libGLX_nvidia so.
  [[nodiscard]] bool is_versioned_by_link(const std::string& base, const std::string& path,
                                          const std::string& name) const {
    return !query_.any_version && path.ends_with("/" + base + suffix_) && name.starts_with(base) &&
           name.find('.', base.size() + 1) == std::string::npos && root_.read_link(path) == name;
  }

  /// A driver's version has a dot; the number in `libnvidia-ml.so.1` is that of the interface.
  void note_management_library(const std::string& base, const std::string& name) {
    const std::string version = name.substr(std::min(base.size() + 1, name.size()));
    if (version.find('.') == std::string::npos) {
      unversioned_ = name;
    } else {
      other_version_ = version;
    }
  }

  [[nodiscard]] std::optional<ElfInfo> read_header(const std::string& path) const {
    const UniqueFd file = root_.open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!file) return std::nullopt;
    return read_elf(reader_of(file.get()));
  }

  /// NVIDIA's archive has a libEGL for hosts without GLVND, too. In a container it would take the
  /// place of GLVND's, which belongs to the other libraries of such a driver.
  void leave_out_legacy() {
    for (const Abi abi : {Abi::native, Abi::compat32}) {
      const bool has_glvnd = std::any_of(found_.begin(), found_.end(), [&](const auto& one) {
        return one.first.abi == abi &&
               (one.first.name == "libGLX_nvidia.so" || one.first.name == "libEGL_nvidia.so");
      });
      std::erase_if(found_, [&](const auto& one) {
        return has_glvnd && one.first.abi == abi && one.first.row->versioning == Versioning::legacy;
      });
    }
  }

  // ---- what is reported

  void require_management_library() const {
    if (query_.any_version || found_.contains(management())) return;
    const std::string& driver = query_.driver.str();
    if (other_version_.empty() && !unversioned_.empty()) {
      throw Error(
          Code::driver_files_missing,
          "no `libnvidia-ml.so." + driver + "` below the driver root, only `" + unversioned_ +
              "`, whose name does not tell the version that it is of",
          "install the user-space part of the driver, version " + driver +
              ", as NVIDIA's packages do: files that end in the version, and links to them");
    }
    if (!other_version_.empty()) {
      throw Error(Code::driver_version_mismatch,
                  "driver/library version mismatch: the kernel module is " + driver +
                      ", the user-space libraries are " + other_version_,
                  "reboot, or reload the nvidia kernel modules, so that both have one version");
    }
    throw Error(Code::driver_files_missing,
                "no `libnvidia-ml.so." + driver +
                    "` below the driver root, neither in its loader cache nor in the well-known "
                    "library directories",
                "install the user-space part of the driver, version " + driver +
                    ", or set `root` or `library-search-path` under [nvidia-container-cli] to "
                    "where it is installed");
  }

  void note_missing() {
    note_missing(Abi::native, "missing libraries: ");
    if (wants_compat32()) note_missing(Abi::compat32, "missing 32-bit libraries: ");
  }

  void note_missing(Abi abi, const std::string& text) {
    std::vector<std::string> names;
    for (const Component& row : components()) {
      const bool is_rule = row.name.find('*') != std::string_view::npos;
      if (row.kind != ComponentKind::library || row.capabilities.empty() || is_rule) continue;
      if (row.versioning == Versioning::legacy) continue;
      std::string name(row.name);
      if (is_wanted(row) && !found_.contains({abi, &row, name})) names.push_back(std::move(name));
    }
    if (!names.empty()) notes_.push_back(info(text + join(names, ", ")));
  }

  std::vector<DriverFile> take_files() {
    std::vector<DriverFile> files;
    files.reserve(found_.size());
    for (auto& [key, file] : found_) files.push_back(std::move(file));
    return files;
  }

  const RootDir& root_;
  const DriverFileQuery& query_;
  Notes& notes_;
  std::string suffix_;
  std::unordered_map<std::string_view, const Component*> rows_ = {};
  std::map<Key, DriverFile> found_ = {};
  std::set<HostPath> rejected_ = {};
  // Of the management libraries that are not of the driver's version.
  std::string other_version_ = {};
  std::string unversioned_ = {};
};

}  // namespace

std::vector<DriverFile> find_libraries(const RootDir& root, const DriverFileQuery& query,
                                       Notes& notes) {
  return LibraryFinder(root, query, notes).find();
}

}  // namespace nvhook
