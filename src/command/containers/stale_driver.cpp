// SPDX-License-Identifier: Apache-2.0
// Starts from the mounts, because they tell where links and entries of the loader cache can be.
#include "command/containers/stale_driver.hpp"

#include <fcntl.h>

#include <algorithm>
#include <map>
#include <set>

#include "command/containers/staleness.hpp"
#include "formats/ld_cache.hpp"
#include "inject/loader_files.hpp"
#include "os/mount_root.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxCache = 64UL << 20U;

bool is_mounted_by(const ContainerSpec* spec, const std::string& target) {
  return spec != nullptr &&
         std::any_of(spec->mounts.begin(), spec->mounts.end(), [&](const SpecMount& mount) {
           return clean_path("/" + mount.destination) == target;
         });
}

/// Memory devices, terminals and pseudo-terminals, which every container may use. It can make nodes
/// of them with any name.
bool is_everybodys(DeviceNumber number) {
  constexpr unsigned kMemory = 1;
  constexpr unsigned kTerminals = 5;
  constexpr unsigned kPseudoTerminals = 136;
  return number.major == kMemory || number.major == kTerminals || number.major == kPseudoTerminals;
}

class StaleSearch {
 public:
  StaleSearch(const RootDir& root, const ContainerDriver& has, const Inventory& today)
      : root_(root), has_(has), today_(today) {}

  StaleDriver find(const ContainerSpec* spec) {
    find_mounts(spec);
    for (const ContainerNode& node : has_.nodes) {
      if (is_everybodys(node.number) || why_stale(node, &today_).empty()) continue;
      stale_.nodes.push_back(node);
    }
    find_links();
    find_cache_entries();
    return std::move(stale_);
  }

 private:
  void find_mounts(const ContainerSpec* spec) {
    for (const MountedFile& file : has_.files) {
      if (why_stale(file, &today_).empty()) continue;
      if (!file.is_deleted && is_mounted_by(spec, file.target)) continue;
      const UniqueFd there = root_.open(file.target, O_PATH | O_NOFOLLOW);
      const auto shown = there ? mounted_file(there.get(), root_) : std::nullopt;
      if (!shown) continue;
      stale_.mounts.push_back({.target = file.target, .shown = *shown});
      gone_.insert(file.target);
    }
  }

  /// Whether a file of this path would be a library of another driver than today's.
  [[nodiscard]] bool is_of_another_driver(const std::string& path) const {
    const auto file = as_driver_file({.target = path});
    return file && file->component->kind == ComponentKind::library &&
           !why_stale(*file, &today_).empty();
  }

  /// A program that was killed leaves the empty file that was the place of a mount.
  [[nodiscard]] bool has_no_content(const std::string& path) const {
    const UniqueFd there = root_.open(path, O_PATH | O_NOFOLLOW);
    const FileStatus status = there ? status_of(there.get()) : FileStatus{};
    return !there || (status.is_regular() && status.size == 0);
  }

  [[nodiscard]] bool is_stale(const std::string& path) const {
    return gone_.contains(path) || (is_of_another_driver(path) && has_no_content(path));
  }

  /// Names below a directory with libraries: those of libraries, and those that the driver's
  /// installer gives them.
  [[nodiscard]] std::set<std::string> link_names(const std::string& directory) const {
    const std::vector<std::string> libraries = root_.list(directory, [](std::string_view name) {
      return classify_library(library_base_name(name)) != nullptr;
    });
    std::set<std::string> names(libraries.begin(), libraries.end());
    for (const ComponentLink& link : component_links()) names.emplace(link.name);
    return names;
  }

  /// A link to a stale link is found in the next round.
  void find_links() {
    std::set<std::string> directories;
    for (const MountedFile& file : has_.files) {
      if (file.component->kind != ComponentKind::library) continue;
      directories.insert(file.target.substr(0, file.target.rfind('/')));
    }
    std::vector<Symlink> links;
    for (const std::string& directory : directories) {
      for (const std::string& name : link_names(directory)) {
        const std::string path = directory + "/" + name;
        const auto target = root_.read_link(path);
        if (target) links.push_back({.link = ContainerPath(path), .target = *target});
      }
    }
    for (std::size_t before = links.size() + 1; before != links.size();) {
      before = links.size();
      std::erase_if(links, [&](const Symlink& link) {
        const bool is_absolute = link.target.starts_with('/');
        const std::string parent = is_absolute ? "" : link.link.parent().str();
        if (!is_stale(clean_path(parent + "/" + link.target))) return false;
        gone_.insert(link.link.str());
        stale_.links.push_back(link);
        return true;
      });
    }
  }

  /// The cache may name a library by a link to its directory (/lib).
  [[nodiscard]] std::string resolved(const std::string& path) {
    const ContainerPath whole(path);
    const std::string parent = whole.parent().str();
    auto known = directories_.find(parent);
    if (known == directories_.end()) {
      const UniqueFd directory = root_.open(parent, O_PATH | O_DIRECTORY);
      known =
          directories_.emplace(parent, directory ? root_.path_of(directory.get()) : parent).first;
    }
    return known->second + "/" + whole.filename();
  }

  void find_cache_entries() {
    const auto bytes = root_.read(kLoaderCache.str(), kMaxCache);
    const auto entries = bytes ? parse_ld_cache(*bytes) : std::nullopt;
    if (!entries) return;
    for (const LdCacheEntry& entry : *entries) {
      const bool is_native = entry.flags == native_library_flags();
      if (!is_native && entry.flags != compat32_library_flags()) continue;
      if (!entry.path.starts_with('/') || !is_stale(resolved(entry.path))) continue;
      stale_.cached.push_back({.soname = entry.name,
                               .path = ContainerPath(entry.path),
                               .abi = is_native ? Abi::native : Abi::compat32});
    }
  }

  const RootDir& root_;
  const ContainerDriver& has_;
  const Inventory& today_;
  std::set<std::string> gone_ = {};  // paths of stale mounts and links
  std::map<std::string, std::string> directories_ = {};
  StaleDriver stale_ = {};
};

}  // namespace

StaleDriver find_stale_driver(const RootDir& root, const ContainerDriver& has,
                              const Inventory& today, const ContainerSpec* spec) {
  return StaleSearch(root, has, today).find(spec);
}

}  // namespace nvhook
