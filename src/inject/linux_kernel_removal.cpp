// SPDX-License-Identifier: Apache-2.0
// The functions of LinuxKernel that take away what an earlier plan made.
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>

#include <string_view>

#include "inject/linux_kernel.hpp"
#include "inject/tmpfs.hpp"
#include "os/mount_root.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

/// How the kernel marks the path of a file that was removed, also where it is mounted.
constexpr std::string_view kRemoved = " (deleted)";

bool is_device(int fd, DeviceNumber number) {
  const FileStatus status = status_of(fd);
  return status.is_character_device() && status.device_major == number.major &&
         status.device_minor == number.minor;
}

/// Removes the file `name` that was made as the place of a mount: an empty one.
void remove_place(const LayerDirectory& directory, const std::string& name) noexcept {
  const UniqueFd there = sys::open_beneath(directory.fd(), name.c_str(), O_PATH | O_NOFOLLOW,
                                           RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
  struct stat status {};
  if (!there || ::fstat(there.get(), &status) != 0) return;
  if (S_ISREG(status.st_mode) && status.st_size == 0) LayerWriter::remove_entry(directory, name);
}

}  // namespace

void LinuxKernel::prepare_withdrawal(const std::vector<DeviceRule>& rules,
                                     const std::vector<DeviceRule>& kept) {
  withdrawal_.prepare(process_.cgroup_text(), rules, kept);
  // That is how the filter is when more is granted.
  grant_.expect_granted(devices_of(kept));
}

void LinuxKernel::withdraw_devices() {
  undo_.push([this] { withdrawal_.undo(); });
  withdrawal_.withdraw(process_);
  notes_.insert(notes_.end(), withdrawal_.notes().begin(), withdrawal_.notes().end());
}

void LinuxKernel::take_away(const Removal& removal) {
  const std::string& path = removal.path.str();
  const bool is_entry = removal.kind == Removal::Kind::link || removal.kind == Removal::Kind::node;
  UniqueFd found = rootfs_.open(path, O_PATH | (is_entry ? O_NOFOLLOW : 0));
  if (!found) return;
  const SharedFd shown = share(std::move(found));
  const bool is_mount = is_mount_root(shown->get(), rootfs_);
  switch (removal.kind) {
    case Removal::Kind::node:
      if (!is_device(shown->get(), removal.device)) break;
      return is_mount ? take_away_mount(removal.path, shown)
                      : take_away_entry(removal.path, shown->get());
    case Removal::Kind::mount: {
      const RootDir& root = removal.source.root == HostRoot::driver ? driver_ : system_;
      const UniqueFd source = root.open(removal.source.path.str(), O_PATH | O_NOFOLLOW);
      if (!is_mount || !source || !is_same_file(source.get(), shown->get())) break;
      return take_away_mount(removal.path, shown);
    }
    case Removal::Kind::stale:
      if (mounted_file(shown->get(), rootfs_) != removal.shown) break;
      return take_away_mount(removal.path, shown);
    case Removal::Kind::tmpfs:
      if (!is_mount || !is_tmpfs_with(shown->get(), removal.mark)) break;
      return take_away_mount(removal.path, shown);
    case Removal::Kind::link:
      if (rootfs_.read_link(path) != removal.link_target) break;
      return take_away_entry(removal.path, shown->get());
  }
  notes_.push_back(info("kept " + path + ": it is not what was given"));
}

/// The mount can come back until the place is removed, which is the last that happens. A file that
/// was removed cannot be mounted again: such a mount goes last, too.
void LinuxKernel::take_away_mount(const ContainerPath& path, const SharedFd& shown) {
  UniqueFd parent = rootfs_.open(path.parent().str(), O_PATH | O_DIRECTORY);
  if (!parent) throw_target_error(path.parent(), "open directory");
  const LayerDirectory directory = layer_.look_at(share(std::move(parent)));
  const auto clean_up = [directory, name = path.filename()] {
    if (!directory.obstacle()) remove_place(directory, name);
  };
  if (rootfs_.path_of(shown->get()).ends_with(kRemoved)) {
    on_commit_.emplace_back([shown, clean_up] {
      Mounts::detach(shown->get());
      clean_up();
    });
    return;
  }
  const SharedFd kept =
      share(sys::open_tree(shown->get(), "", OPEN_TREE_CLONE | AT_EMPTY_PATH | AT_RECURSIVE));
  if (!*kept) throw_target_error(path, "keep what is mounted at");
  undo_.push([this, kept, path] {
    const UniqueFd there = rootfs_.open(path.str(), O_PATH);
    if (!there || is_same_file(there.get(), kept->get())) return;
    static_cast<void>(sys::move_mount(kept->get(), there.get(), 0));
  });
  Mounts::detach(shown->get());
  const UniqueFd still = rootfs_.open(path.str(), O_PATH);
  if (still && is_same_file(still.get(), shown->get())) {
    throw Error(Code::mount_failed, "unmount `" + path.str() + "` in the container",
                "look at the audit log, and whether the container mounted it once more");
  }
  on_commit_.emplace_back(clean_up);
}

/// Goes with the last step, because a node cannot be made again without CAP_MKNOD.
void LinuxKernel::take_away_entry(const ContainerPath& path, int shown) {
  UniqueFd parent = rootfs_.open(path.parent().str(), O_PATH | O_DIRECTORY);
  if (!parent) throw_target_error(path.parent(), "open directory");
  const LayerDirectory directory = layer_.look_at(share(std::move(parent)));
  if (directory.obstacle()) {
    notes_.push_back(warning("left " + path.str() + ": its directory " + *directory.obstacle()));
    return;
  }
  struct stat made {};
  if (::fstat(shown, &made) != 0) throw_target_error(path, "look at");
  on_commit_.emplace_back([directory, name = path.filename(), made] {
    struct stat there {};
    if (::fstatat(directory.fd(), name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0 &&
        is_same_file(there, made)) {
      LayerWriter::remove_entry(directory, name);
    }
  });
}

void LinuxKernel::shrink_loader_cache(const std::vector<LoaderEntry>& entries) {
  const LoaderFile& file = loader_files_.at(kLoaderCache);
  if (!file.seen) return;
  if (file.is_mount) return uncover_loader_cache(entries);
  update(file, LoaderUpdate::rename, shrunk_loader_cache(file, entries, notes_),
         LoaderNeed::unusual);
}

/// A file of ours that covers the image's own lists our libraries; one of the user's does not.
void LinuxKernel::uncover_loader_cache(const std::vector<LoaderEntry>& entries) {
  LoaderFile& file = loader_files_.at(kLoaderCache);
  if (!file.is_mount || !is_tmpfs(file.seen->get())) return;
  const LoaderText text = shrunk_loader_cache(file, entries, notes_);
  if (text.before == text.after) return;
  take_away_mount(kLoaderCache, file.seen);
  file = find_loader_file(rootfs_, tree_, kLoaderCache);
}

}  // namespace nvhook
