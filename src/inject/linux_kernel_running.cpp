// SPDX-License-Identifier: Apache-2.0
// The functions of LinuxKernel that only a container needs that runs already.
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>

#include <algorithm>

#include "formats/mountinfo.hpp"
#include "inject/linux_kernel.hpp"
#include "inject/tmpfs.hpp"
#include "os/files.hpp"
#include "os/mount_root.hpp"
#include "os/own_procfs.hpp"
#include "os/syscalls.hpp"
#include "text/text.hpp"

namespace nvhook {

bool LinuxKernel::is_peer_of_host(std::uint64_t id) const {
  constexpr std::size_t kMaxMountinfo = 64UL << 20U;
  const UniqueFd file = sys::open_beneath(own_procfs(), "self/mountinfo", O_RDONLY, 0);
  const auto own = file ? read_all(file.get(), kMaxMountinfo) : std::nullopt;
  if (!own || host_mountinfo_.empty()) return true;
  std::uint64_t group = 0;
  for (const std::string_view line : split_list(*own, '\n')) {
    const auto mount = parse_mountinfo_line(line);
    if (mount && mount->id == id) group = peer_group_of(line);
  }
  const auto lines = split_list(host_mountinfo_, '\n');
  return group != 0 && std::any_of(lines.begin(), lines.end(), [&](std::string_view line) {
           return peer_group_of(line) == group;
         });
}

/// The place is looked up once more, as one name in a directory, because what was resolved is the
/// root of the old tmpfs. For a moment the container sees what is below it.
void LinuxKernel::take_over(const TmpfsMount& mount, Pending& pending) {
  const int old = pending.target.fd->get();
  const bool is_ours = is_mount_root(old, rootfs_) && !mount.entries.empty() &&
                       is_tmpfs_with(old, mount.entries.front().path);
  if (!is_ours) return;
  const ContainerPath parent = mount.target.parent();
  const SharedFd directory =
      mount.on_procfs ? procfs_target(parent) : tree_.directory(parent).shared();
  const SharedFd kept =
      share(sys::open_tree(old, "", OPEN_TREE_CLONE | AT_EMPTY_PATH | AT_RECURSIVE));
  if (!*kept) throw_target_error(mount.target, "keep what is mounted at");
  const auto place = [directory, name = mount.target.filename()] {
    return sys::open_beneath(directory->get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW,
                             RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  };
  undo_.push([kept, place] {
    const UniqueFd there = place();
    const bool is_still_there = there && is_same_file(there.get(), kept->get());
    if (there && !is_still_there) {
      static_cast<void>(sys::move_mount(kept->get(), there.get(), 0));
    }
  });
  Mounts::detach(old);
  pending.target = {.fd = share(place())};
  if (!*pending.target.fd) throw_target_error(mount.target, "take away what is mounted at");
}

/// A mount of a file that was removed can neither be mounted over nor, once it is gone, come back.
/// So this is done when nothing else can fail, and what fails here is said: another run will do it.
void LinuxKernel::take_over(const BindMount& mount) {
  Pending& pending = pending_.at(mount.target);
  pending.is_late = false;
  const int old = pending.target.fd->get();
  if (mounted_file(old, rootfs_) == *mount.takes_over) {
    Mounts::detach(old);
    const auto kind = mount.type == SourceType::directory ? O_DIRECTORY : 0;
    pending.target.fd = share(sys::open_beneath(
        tree_.directory(mount.target.parent()).fd(), mount.target.filename().c_str(),
        static_cast<std::uint64_t>(O_PATH | O_NOFOLLOW | kind),
        RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
    if (!*pending.target.fd) throw_target_error(mount.target, "take away what is mounted at");
  }
  attach(mount.target);
}

void LinuxKernel::take_over_late() noexcept {
  for (const BindMount& mount : late_) {
    try {
      take_over(mount);
    } catch (const std::exception& error) {
      notes_.push_back(warning("not done, call it once more: " + std::string(error.what())));
    }
  }
}

}  // namespace nvhook
