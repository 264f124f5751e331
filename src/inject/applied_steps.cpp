// SPDX-License-Identifier: Apache-2.0
// Compares what is visible in the container with the sources, by descriptors.
#include "inject/applied_steps.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "inject/tmpfs.hpp"
#include "os/file_status.hpp"
#include "os/mount_root.hpp"

namespace nvhook {
namespace {

bool shows(const BindMount& mount, const RootDir& rootfs, const RootDir& source_root) {
  const UniqueFd source = source_root.open(mount.source.path.str(), O_PATH | O_NOFOLLOW);
  const UniqueFd target = rootfs.open(mount.target.str(), O_PATH);
  struct stat wanted {};
  struct stat seen {};
  return source && target && ::fstat(source.get(), &wanted) == 0 &&
         ::fstat(target.get(), &seen) == 0 && is_same_file(wanted, seen) &&
         is_mount_root(target.get(), rootfs);
}

bool shows(const TmpfsEntry& entry, const RootDir& tmpfs) {
  if (!entry.link.empty()) return tmpfs.read_link(entry.path) == entry.link;
  const UniqueFd seen = tmpfs.open(entry.path, O_PATH | O_NOFOLLOW);
  if (!seen) return false;
  const FileStatus status = status_of(seen.get());
  if (entry.directory) return status.is_directory();
  if (!status.is_regular()) return false;
  // The place of a mount has no content of its own.
  return entry.content.empty() || tmpfs.read(entry.path, entry.content.size()) == entry.content;
}

/// Whether the directories of `mount` have no entries but those of the plan. What is mounted on
/// them is not looked into.
bool has_nothing_else(const TmpfsMount& mount, const RootDir& tmpfs) {
  std::map<std::string, std::set<std::string>> names{{"", {}}};
  for (const TmpfsEntry& entry : mount.entries) {
    const auto slash = entry.path.rfind('/');
    const bool is_top = slash == std::string::npos;
    names[is_top ? "" : entry.path.substr(0, slash)].insert(is_top ? entry.path
                                                                   : entry.path.substr(slash + 1));
    if (entry.directory) names.try_emplace(entry.path);
  }
  return std::all_of(names.begin(), names.end(), [&](const auto& directory) {
    const std::string path = "/" + directory.first;
    const UniqueFd opened = tmpfs.open(path, O_PATH | O_DIRECTORY);
    if (path != "/" && opened && is_mount_root(opened.get(), tmpfs)) return true;
    const std::vector<std::string> seen = tmpfs.list(path);
    return std::equal(seen.begin(), seen.end(), directory.second.begin(), directory.second.end());
  });
}

bool shows(const TmpfsMount& mount, const RootDir& rootfs) {
  UniqueFd seen = rootfs.open(mount.target.str(), O_PATH | O_DIRECTORY);
  if (!seen || !is_mount_root(seen.get(), rootfs) || !is_tmpfs(seen.get())) return false;
  const RootDir tmpfs(std::move(seen), FileOwner::image);
  return std::all_of(mount.entries.begin(), mount.entries.end(),
                     [&](const TmpfsEntry& entry) { return shows(entry, tmpfs); }) &&
         has_nothing_else(mount, tmpfs);
}

bool is_on(const std::vector<TmpfsMount>& mounts, const ContainerPath& path) {
  return std::any_of(mounts.begin(), mounts.end(), [&](const TmpfsMount& mount) {
    return path.str().starts_with(mount.target.str() + "/");
  });
}

}  // namespace

bool is_applied(const Plan& plan, const RootDir& rootfs, const RootDir& system,
                const RootDir& driver) {
  return std::all_of(plan.mounts.begin(), plan.mounts.end(), [&](const BindMount& mount) {
    return mount.optional ||
           shows(mount, rootfs, mount.source.root == HostRoot::driver ? driver : system);
  });
}

Plan without_applied(Plan plan, const RootDir& rootfs, const RootDir& system,
                     const RootDir& driver) {
  std::erase_if(plan.tmpfs, [&](const TmpfsMount& mount) { return shows(mount, rootfs); });
  for (TmpfsMount& mount : plan.tmpfs) mount.takes_over = true;
  std::erase_if(plan.mounts, [&](const BindMount& mount) {
    return !is_on(plan.tmpfs, mount.target) &&
           shows(mount, rootfs, mount.source.root == HostRoot::driver ? driver : system);
  });
  return plan;
}

}  // namespace nvhook
