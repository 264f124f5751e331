// SPDX-License-Identifier: Apache-2.0
// Compares mount IDs: asking a volume's file system could block. Each mount is judged once.
#include "image/own_layer.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/mountinfo.hpp"
#include "os/device_number.hpp"
#include "os/mount_id.hpp"
#include "os/mount_stack.hpp"
#include "os/own_procfs.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

// Not in every linux/magic.h: fs/fuse/inode.c.
constexpr long kFuseMagic = 0x65735546;

long filesystem_of(int fd) noexcept {
  struct statfs filesystem {};
  return ::fstatfs(fd, &filesystem) == 0 ? static_cast<long>(filesystem.f_type) : 0;
}

bool is_read_only(int fd) noexcept {
  struct statvfs filesystem {};
  return ::fstatvfs(fd, &filesystem) != 0 || (filesystem.f_flag & ST_RDONLY) != 0;
}

/// Apptainer and Singularity keep all that they make for a container on one new tmpfs, and mount
/// parts of it into the root file system: its /dev, its /tmp. Returns the directory that this tmpfs
/// is mounted at; empty if `root` is not a root file system of theirs.
std::string session_of_apptainer(const std::string& root) {
  constexpr std::string_view kSession = "/mnt/session";
  const std::string parent = ContainerPath(root).parent().str();
  return root == parent + "/final" && parent.ends_with(kSession) ? parent : std::string();
}

/// Only a destination of dots and slashes, or with `..`, can be another name of the root.
bool is_at_root(const SpecMount& mount) {
  const std::string& path = mount.destination;
  const bool may_be =
      path.find_first_not_of("/.") == std::string::npos || path.find("..") != std::string::npos;
  return may_be && clean_path("/" + path) == "/";
}

}  // namespace

OwnLayer::OwnLayer(Task task) : task_(std::move(task)), root_id_(mount_id_of(task_.rootfs.fd())) {}

LayerDirectory OwnLayer::look_at(SharedFd directory) const {
  const auto& why = obstacle(directory->get());
  return {std::move(directory), why};
}

/// Returns a reference into the map, which stays valid when elements are added.
const std::optional<std::string>& OwnLayer::obstacle(int directory) const {
  const std::uint64_t id = mount_id_of(directory);
  const auto known = known_.find(id);
  if (known != known_.end()) return known->second;
  return known_[id] = find_obstacle(directory, id);
}

std::optional<std::string> OwnLayer::obstacle_at(const ContainerPath& path) const {
  constexpr int kMaxSteps = 128;
  ContainerPath at = path;
  for (int step = 0; step < kMaxSteps; ++step) {
    const UniqueFd directory = task_.rootfs.open(at.str(), O_PATH | O_DIRECTORY);
    if (directory) return obstacle(directory.get());
    if (errno != ENOENT || at.str() == "/") return std::nullopt;
    // The target of a dangling link in the image would be made, with the directories above it.
    const auto link = task_.rootfs.read_link(at.str());
    if (!link) {
      at = at.parent();
    } else {
      at = link->front() == '/' ? ContainerPath(*link) : at.parent() / *link;
    }
  }
  return std::nullopt;
}

std::optional<std::string> OwnLayer::find_obstacle(int directory, std::uint64_t id) const {
  if (id == 0) return "lies on a mount that the kernel does not tell (mount proc on /proc)";
  if (id == root_id_) {
    if (auto why = root_obstacle()) return why;
  } else if (!is_own_tmpfs(directory, id)) {
    return "lies on " + text_of_mount(id);
  }
  if (!task_.is_running && is_read_only(directory)) return kReadOnlyObstacle;
  return std::nullopt;
}

std::optional<std::string> OwnLayer::root_obstacle() const {
  if (task_.is_root_covered && task_.is_root_covered())
    return "lies on a volume that covers the whole root";
  return task_.spec == nullptr ? std::nullopt : read_only_root(*task_.spec, task_.rootfs.fd());
}

/// Asks the file system last, because that of a volume may be a user's program (FUSE).
bool OwnLayer::is_own_tmpfs(int directory, std::uint64_t id) const {
  if (task_.host_mountinfo && is_mounted_on_host(directory)) return false;
  const bool is_own = task_.spec != nullptr ? is_runtimes_tmpfs(id)
                                            : task_.host_mountinfo || !is_on_host_too(directory);
  return is_own && filesystem_of(directory) == TMPFS_MAGIC;
}

bool OwnLayer::is_mounted_on_host(int directory) const {
  struct stat status {};
  const std::string text = task_.host_mountinfo();
  return text.empty() || ::fstat(directory, &status) != 0 ||
         is_mounted(text, to_string(DeviceNumber{major(status.st_dev), minor(status.st_dev)}));
}

/// Returns the ID of the mount that is visible at the destination of `mount`; 0 if none.
std::uint64_t OwnLayer::mount_at(const SpecMount& mount) const {
  const UniqueFd at = task_.rootfs.open(clean_path("/" + mount.destination), O_PATH);
  return at ? mount_id_of(at.get()) : 0;
}

/// A mount of type tmpfs is always new, so it is the container's own. If a volume and a tmpfs of
/// config.json have one destination (by a link of the image, or one over the other), it counts as a
/// volume.
bool OwnLayer::is_runtimes_tmpfs(std::uint64_t id) const {
  const auto is_here = [&](const SpecMount& mount, SpecMount::Kind kind) {
    return mount.kind == kind && mount_at(mount) == id;
  };
  const auto& mounts = task_.spec->mounts;
  return std::any_of(
             mounts.begin(), mounts.end(),
             [&](const SpecMount& mount) { return is_here(mount, SpecMount::Kind::tmpfs); }) &&
         std::none_of(mounts.begin(), mounts.end(), [&](const SpecMount& mount) {
           return is_here(mount, SpecMount::Kind::volume);
         });
}

/// The mount namespace of a container that is being made still has all mounts of the host, so a
/// file system that is also mounted outside of the root file system belongs to the host.
bool OwnLayer::is_on_host_too(int directory) const {
  struct stat status {};
  const std::string root = path_in_procfs(task_.rootfs.fd());
  const std::string text = task_.mountinfo ? task_.mountinfo() : std::string();
  if (text.empty() || root.empty() || ::fstat(directory, &status) != 0) return true;
  const std::string device = to_string(DeviceNumber{major(status.st_dev), minor(status.st_dev)});
  return is_mounted_outside(text, device, root);
}

std::string OwnLayer::text_of_mount(std::uint64_t id) const {
  if (task_.spec != nullptr) {
    const auto& mounts = task_.spec->mounts;
    const auto volume = std::find_if(mounts.rbegin(), mounts.rend(), [&](const SpecMount& mount) {
      return mount.kind != SpecMount::Kind::tmpfs && mount_at(mount) == id;
    });
    if (volume != mounts.rend()) return volume_text(*volume);
  }
  return "a mount that is not the container's own";
}

bool is_mounted_outside(std::string_view mountinfo, std::string_view device,
                        const std::string& root) {
  std::vector<std::pair<std::string_view, std::string>> mounts;  // what of it, and where
  for (const std::string_view line : split_list(mountinfo, '\n')) {
    const auto mount = parse_mountinfo_line(line);
    if (mount && mount->device == device) {
      mounts.emplace_back(mount->root, unescape_mountinfo(mount->point));
    }
  }
  const auto any = [&](const auto& is_so) {
    return std::any_of(mounts.begin(), mounts.end(), is_so);
  };
  const std::string session = session_of_apptainer(root);
  if (!session.empty() &&
      any([&](const auto& mount) { return mount.first == "/" && mount.second == session; })) {
    return any([&](const auto& mount) { return !rest_below(mount.second, session); });
  }
  return any(
      [&](const auto& mount) { return mount.first != "/" || !rest_below(mount.second, root); });
}

bool is_covered_root(const RootDir& rootfs, const ContainerSpec* spec,
                     const std::function<std::string()>& mountinfo) {
  if (spec != nullptr && std::any_of(spec->mounts.begin(), spec->mounts.end(), is_at_root)) {
    return true;
  }
  const std::string path = path_in_procfs(rootfs.fd());
  if (const auto same = shows_lowest_mount(rootfs.fd(), path)) return !*same;
  return is_covered_mount(mountinfo(), path);
}

bool is_mounted(std::string_view mountinfo, std::string_view device) {
  const std::vector<std::string_view> lines = split_list(mountinfo, '\n');
  return std::any_of(lines.begin(), lines.end(), [&](std::string_view line) {
    const auto mount = parse_mountinfo_line(line);
    return mount && mount->device == device;
  });
}

/// Runtimes mount the root file system over itself, so that there is a first mount of it.
bool is_covered_mount(std::string_view mountinfo, const std::string& point) {
  std::vector<std::pair<std::string_view, std::string_view>> mounts;  // device, and what of it
  for (const std::string_view line : split_list(mountinfo, '\n')) {
    const auto mount = parse_mountinfo_line(line);
    if (mount && unescape_mountinfo(mount->point) == point) {
      mounts.emplace_back(mount->device, mount->root);
    }
  }
  return mounts.empty() || mounts.front() != mounts.back();
}

bool is_prepared_root(const RootDir& rootfs, const std::string& path) {
  const auto prepared = open_root(path, FileOwner::image);
  return prepared && is_same_file(rootfs.fd(), prepared->fd());
}

/// Engines make an overlay for each container. But a plain directory that is declared read-only may
/// be the root of several containers.
std::optional<std::string> read_only_root(const ContainerSpec& spec, int root) {
  if (!spec.root_read_only) return std::nullopt;
  const long filesystem = filesystem_of(root);
  if (filesystem == OVERLAYFS_SUPER_MAGIC || filesystem == kFuseMagic) return std::nullopt;
  return "lies on a read-only root directory that may be that of others, too";
}

std::string volume_text(const SpecMount& volume) {
  return "the volume `" + volume.destination + "` (from `" + volume.source + "`)";
}

ImageView OwnLayer::view() const {
  return {.rootfs = &task_.rootfs,
          .obstacle_at = [this](const ContainerPath& path) { return obstacle_at(path); }};
}

}  // namespace nvhook
