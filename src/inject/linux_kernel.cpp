// SPDX-License-Identifier: Apache-2.0
// Targets are resolved once, before the first attach; later lookups only check the result.
#include "inject/linux_kernel.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "cgroup/cgroup_mounts.hpp"
#include "inject/bind_source.hpp"
#include "inject/loader_files.hpp"
#include "os/device_number.hpp"
#include "os/files.hpp"
#include "os/mount_id.hpp"
#include "os/mount_root.hpp"
#include "os/own_procfs.hpp"
#include "os/read_link.hpp"
#include "os/refused_calls.hpp"
#include "os/syscalls.hpp"
#include "os/temporary_name.hpp"
#include "os/user_namespace.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::uint64_t kOwnTree = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;

}  // namespace

LinuxKernel::LinuxKernel(const ContainerProcess& process, const RootDir& rootfs,
                         const OwnLayer& layer, const RootDir& system, const RootDir& driver,
                         std::string_view config_json)
    : process_(process),
      rootfs_(rootfs),
      layer_(layer),
      system_(system),
      driver_(driver),
      grant_(system, driver, config_json),
      withdrawal_(system, config_json),
      mounts_(make_mounts(process.owner_uid(), process.owner_gid())),
      writer_(process.owner_uid(), process.owner_gid()),
      tree_(rootfs, layer, writer_, undo_) {
  static_cast<void>(own_procfs());  // opened while /proc is the host's
}

void LinuxKernel::leave_out(const ContainerPath& target, const std::exception& reason) {
  pending_.erase(target);
  notes_.push_back(warning("left out " + target.str() + ": " + reason.what()));
}

// ---- in the host's mount namespace

void LinuxKernel::prepare(const BindMount& mount) {
  try {
    const RootDir& root = mount.source.root == HostRoot::driver ? driver_ : system_;
    pending_[mount.target].tree =
        mounts_->prepare(mount, open_unchecked_source(mount, root, system_));
  } catch (const Error& error) {
    if (!mount.optional) throw;
    leave_out(mount.target, error);
  }
}

void LinuxKernel::prepare(const Symlink& symlink) {
  const UniqueFd there = rootfs_.open(symlink.link.str(), O_PATH | O_NOFOLLOW);
  if (!there || !status_of(there.get()).is_regular()) return;
  const RootDir& root = symlink.cover->source.root == HostRoot::driver ? driver_ : system_;
  covers_[symlink.link] =
      mounts_->prepare(*symlink.cover, open_unchecked_source(*symlink.cover, root, system_));
}

void LinuxKernel::prepare(const TmpfsMount& mount) {
  pending_[mount.target].tree = mounts_->prepare(mount);
  tmpfs_.push_back(mount.target);
  label_ = mount.label;
}

void LinuxKernel::prepare(const std::vector<DeviceRule>& rules) {
  if (rules.empty()) return;  // then nobody need read the cgroup
  grant_.prepare(process_.cgroup_text(), rules);
}

void LinuxKernel::prepare_systemd_rules(const std::vector<DeviceRule>& rules) {
  grant_.prepare_systemd_rules(process_.cgroup_text(), rules);
}

// ---- in the container's mount namespace

/// Without the new mount calls, our mounts are made over the root directory and must not propagate.
/// But in a namespace that is not the container's we must not change the propagation of the root.
void LinuxKernel::require_unshared_root() const {
  const std::string mountinfo = own_mountinfo(system_);
  for (const std::string_view line : split(mountinfo, '\n')) {
    const auto words = split(line.substr(0, line.find(" - ")), ' ');
    const bool is_shared = words.size() > 6 && words[4] == "/" &&
                           std::any_of(words.begin() + 6, words.end(), [](std::string_view word) {
                             return word.starts_with("shared:");
                           });
    if (!is_shared) continue;
    throw Error(Code::mount_failed,
                "the root of this mount namespace is shared with others, which the mount calls of "
                "this kernel would end",
                "start it in a mount namespace of its own (unshare --mount), or run Linux 5.12 or "
                "later");
  }
}

void LinuxKernel::enter() {
  if (process_.is_running()) host_mountinfo_ = own_mountinfo(system_);
  process_.enter_mount_namespace();
  if (process_.is_standalone() && is_mount_api_refused()) require_unshared_root();
  mounts_->enter();
}

SharedFd LinuxKernel::procfs_target(const ContainerPath& path) const {
  constexpr std::string_view kProc = "/proc/";
  const UniqueFd proc = rootfs_.open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW);
  struct statfs filesystem {};
  const bool is_procfs =
      proc && ::fstatfs(proc.get(), &filesystem) == 0 && filesystem.f_type == PROC_SUPER_MAGIC;
  if (!is_procfs) {
    throw Error(Code::target_unusable, "`/proc` in the container is no procfs",
                "let the runtime mount proc on /proc (config.json, mounts)");
  }
  UniqueFd target = sys::open_beneath(proc.get(), path.str().substr(kProc.size()).c_str(),
                                      O_PATH | O_DIRECTORY, kOwnTree);
  if (!target) throw_target_error(path, "open");
  return share(std::move(target));
}

void LinuxKernel::resolve(const TmpfsMount& mount) {
  try {
    Pending& pending = pending_.at(mount.target);
    pending.tree = mounts_->tree_of(mount, std::move(pending.tree));
    pending.target = mount.on_procfs ? MountTarget{.fd = procfs_target(mount.target)}
                                     : tree_.directory_target(mount.target);
  } catch (const Error& error) {
    if (!mount.optional) throw;
    leave_out(mount.target, error);
  }
}

SharedFd LinuxKernel::tmpfs_target(const ContainerPath& path) const {
  for (const ContainerPath& target : tmpfs_) {
    const std::size_t length = target.str().size();
    if (!path.str().starts_with(target.str()) || path.str()[length] != '/') continue;
    const auto pending = pending_.find(target);
    if (pending == pending_.end()) continue;  // was left out
    UniqueFd fd = sys::open_beneath(pending->second.tree.fd.get(), path.str().c_str() + length + 1,
                                    O_PATH, kOwnTree);
    if (!fd) throw_target_error(path, "open");
    return share(std::move(fd));
  }
  return nullptr;
}

void LinuxKernel::resolve(const BindMount& mount) {
  const auto pending = pending_.find(mount.target);
  if (pending == pending_.end()) return;  // optional, and its source is missing
  try {
    pending->second.tree = mounts_->tree_of(mount, std::move(pending->second.tree));
    if (mount.takes_over) static_cast<void>(tree_.directory(mount.target.parent()));
    if (SharedFd target = tmpfs_target(mount.target)) {
      pending->second.target = {.fd = std::move(target)};
    } else if (mount.type == SourceType::directory) {
      pending->second.target = tree_.directory_target(mount.target);
    } else {
      pending->second.target = tree_.file_target(mount.target);
    }
  } catch (const Error& error) {
    if (!mount.optional) throw;
    leave_out(mount.target, error);
  }
}

// The tree keeps the directories that it finds, so that no path of a link is looked up after the
// attaches.
void LinuxKernel::resolve(const Symlink& symlink) {
  try {
    static_cast<void>(tree_.directory(symlink.link.parent()));
  } catch (const Error& error) {
    if (!symlink.optional) throw;
    leave_out(symlink.link, error);
    left_out_links_.insert(symlink.link);
  }
}

/// A mount below a shared mount would propagate to all peers, the host's included. runc sets the
/// propagation of config.json again after its pivot_root.
void LinuxKernel::make_slave(int fd) {
  if (!process_.has_own_mounts()) return;  // may be the host's own mount
  if (!known_slaves_.insert(fd).second) return;
  const std::uint64_t id = mount_id_of(fd);
  if (!slave_mounts_.insert(id).second) return;
  if (process_.is_running() && !is_peer_of_host(id)) return;
  const UniqueFd root = mount_root_of(fd, rootfs_);
  if (id == 0 || !root || !mounts_->make_slave(root.get())) {
    throw_errno(
        Code::mount_failed, "stop mount propagation from the container to the host",
        "run the hook with CAP_SYS_ADMIN over its mount namespace, and mount proc on /proc");
  }
}

void LinuxKernel::attach(const ContainerPath& target) {
  const auto found = pending_.find(target);
  if (found == pending_.end()) return;
  const Pending& pending = found->second;
  make_slave((pending.target.directory ? pending.target.directory : pending.target.fd)->get());
  if (!mounts_->attach(pending.tree.fd.get(), pending.target.fd->get())) {
    throw_errno(Code::mount_failed, "mount over `" + target.str() + "` in the container",
                "look at what the image has there; with SELinux or AppArmor, at the audit log");
  }
  const int tree = pending.tree.fd.get();
  undo_.push([tree] { Mounts::detach(tree); });
}

void LinuxKernel::attach(const TmpfsMount& mount) {
  const auto found = pending_.find(mount.target);
  if (found == pending_.end()) return;
  if (mount.takes_over) take_over(mount, found->second);
  attach(mount.target);
  // What is attached to a slave mount is not shared.
  const std::uint64_t id = mount_id_of(found->second.tree.fd.get());
  if (id != 0) slave_mounts_.insert(id);
}

void LinuxKernel::attach(const BindMount& mount) {
  const auto found = pending_.find(mount.target);
  if (found == pending_.end()) return;
  if (!mount.takes_over) return attach(mount.target);
  found->second.is_late = true;
  late_.push_back(mount);
}

/// Returns a detached tree of the target of `symlink`; an empty one if the plan does not mount it.
Tree LinuxKernel::tree_for(const Symlink& symlink) {
  if (const auto cover = covers_.find(symlink.link); cover != covers_.end()) {
    return mounts_->tree_of(*symlink.cover, std::move(cover->second));
  }
  const auto library = pending_.find(symlink.link.parent() / symlink.target);
  if (library == pending_.end()) return {};
  UniqueFd tree = mounts_->copy(library->second.tree.fd.get());
  if (!tree) throw_target_error(symlink.link, "mount over");
  return {.fd = std::move(tree)};
}

/// Covers a file of the image that has the name of a link, as in images that were built on a
/// machine with a driver. `name` is one component below a descriptor that was resolved before the
/// attaches.
bool LinuxKernel::cover_file(int directory, const std::string& name, const Symlink& symlink) {
  constexpr std::uint64_t kThisName = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
  if (pending_.contains(symlink.link)) return false;
  UniqueFd target = sys::open_beneath(directory, name.c_str(), O_PATH | O_NOFOLLOW, kThisName);
  if (!target || !status_of(target.get()).is_regular()) return false;
  Tree tree = tree_for(symlink);
  if (!tree.fd) return false;
  Pending& pending = pending_[symlink.link];
  pending.tree = std::move(tree);
  pending.target = {.fd = share(std::move(target))};
  attach(symlink.link);
  notes_.push_back(
      info("mounted " + symlink.target + " over the image's own " + symlink.link.str()));
  return true;
}

void LinuxKernel::create(const Symlink& symlink) {
  if (left_out_links_.contains(symlink.link)) return;
  const std::string name = symlink.link.filename();
  const LayerDirectory& directory = tree_.directory(symlink.link.parent());
  if (directory.obstacle()) return create_on_volume(symlink, directory, name);
  if (writer_.make_link(directory, symlink.link, symlink.target)) {
    tree_.push_link_removal(symlink.link, symlink.target);
    return;
  }
  if (errno == EROFS || errno == EACCES) {
    notes_.push_back(warning("left out link " + symlink.link.str() + ": " + errno_text(errno)));
    return;
  }
  if (errno != EEXIST) throw_target_error(symlink.link, "create link");
  const std::string old = read_link_at(directory.fd(), name.c_str()).value_or("");
  if (old == symlink.target) return;
  if (old.empty() && errno == ENOENT) throw_target_error(symlink.link, "create link");
  if (old.empty() && symlink.replace && cover_file(directory.fd(), name, symlink)) return;
  if (old.empty() && symlink.replace_file && replace_file(directory, name, symlink)) return;
  if (old.empty() || !symlink.replace) {
    notes_.push_back(info("kept the image's own " + symlink.link.str()));
    return;
  }
  replace_link(directory, name, symlink, old);
}

/// On a volume no link is made, but an existing link may be right, and a file can be covered.
void LinuxKernel::create_on_volume(const Symlink& symlink, const LayerDirectory& directory,
                                   const std::string& name) {
  if (read_link_at(directory.fd(), name.c_str()) == symlink.target) return;
  if (symlink.replace && cover_file(directory.fd(), name, symlink)) return;
  if (!symlink.optional) LayerWriter::require_own(directory, symlink.link);
  notes_.push_back(warning("left out link " + symlink.link.str() +
                           ": its directory is not the container's own"));
}

void LinuxKernel::replace_link(const LayerDirectory& directory, const std::string& name,
                               const Symlink& symlink, const std::string& old) {
  const auto put = [this, directory, name, link = symlink.link](const std::string& target) {
    const auto temporary = make_under_temporary_name(name, [&](const char* one) {
      return writer_.make_link(directory, link.parent() / one, target);
    });
    if (!temporary) return false;
    if (writer_.rename_entry(directory, *temporary, link)) return true;
    const int error = errno;
    LayerWriter::remove_entry(directory, *temporary);
    errno = error;
    return false;
  };
  if (!put(symlink.target)) {
    if (errno != EROFS && errno != EACCES) throw_target_error(symlink.link, "replace link");
    notes_.push_back(
        warning("left link " + symlink.link.str() + " as it is: " + errno_text(errno)));
    return;
  }
  notes_.push_back(info("replaced link " + symlink.link.str() + ", which led to " + old));
  undo_.push([put, old] { static_cast<void>(put(old)); });
}

/// Opens each directory once for all of its entries. If a link takes the place of a file, only the
/// lookup of the whole path shows the mount.
void LinuxKernel::verify() {
  ContainerPath parent;
  UniqueFd directory;
  for (const auto& [path, pending] : pending_) {
    if (pending.is_late) continue;
    if (path.parent() != parent) {
      parent = path.parent();
      directory = rootfs_.open(parent.str(), O_PATH | O_DIRECTORY);
    }
    const std::uint64_t id =
        pending.tree.id != 0 ? pending.tree.id : mount_id_of(pending.tree.fd.get());
    if (directory && is_on_mount(directory.get(), path.filename(), id)) continue;
    const UniqueFd seen = rootfs_.open(path.str(), O_PATH);
    if (id != 0 && seen && mount_id_of(seen.get()) == id) continue;
    throw Error(Code::mount_failed,
                "`" + path.str() + "` in the container does not show what was mounted there",
                "look for links in the image that lead one driver file's place to another's, and "
                "for volumes over it");
  }
}

void LinuxKernel::allow_devices() {
  undo_.push([this] { grant_.revoke(); });
  grant_.grant(process_);
  notes_.insert(notes_.end(), grant_.notes().begin(), grant_.notes().end());
}

void LinuxKernel::commit() noexcept {
  undo_.forget();
  take_over_late();
  for (const auto& finish : on_commit_) finish();
  mounts_->leave();
}

void LinuxKernel::roll_back() noexcept {
  undo_.run();
  mounts_->leave();
}

}  // namespace nvhook
