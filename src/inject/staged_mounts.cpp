// SPDX-License-Identifier: Apache-2.0
// Fallback for kernels without the new mount calls (before 5.12): trees are staged on a private
// tmpfs instead of being detached. Each is a mount on a file of that tmpfs, which covers the root
// directory of the container's mount namespace: lookups begin below it, so no other process reaches
// it. mount(2) gets only links of our own verified procfs, which lead to descriptors.
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <utility>

#include "inject/bind_source.hpp"
#include "inject/mounts.hpp"
#include "inject/tmpfs.hpp"
#include "os/file_status.hpp"
#include "os/mount_id.hpp"
#include "os/own_procfs.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr const char* kNeedsRight = "run the hook with CAP_SYS_ADMIN over its mount namespace";
constexpr std::uint64_t kWithoutLinks = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS;
constexpr unsigned long kNoLinks = 0x2000;    // ST_NOSYMFOLLOW and MS_NOSYMFOLLOW have no names
constexpr unsigned long kMountNoLinks = 256;  // in glibc

unsigned long flags_of(const MountAttributes& attributes) {
  unsigned long flags = MS_NOSUID;
  if (attributes.read_only) flags |= MS_RDONLY;
  if (attributes.no_dev) flags |= MS_NODEV;
  if (attributes.no_exec) flags |= MS_NOEXEC;
  return flags;
}

/// The flags of a mount must be given again when it is remounted; a user namespace may not drop
/// them. Those for access times are kept anyway.
unsigned long present_flags(int tree) {
  struct statvfs filesystem {};
  if (::fstatvfs(tree, &filesystem) != 0) throw_errno(Code::internal, "fstatvfs");
  const unsigned long flags =
      filesystem.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC);  // as MS_*
  return flags | ((filesystem.f_flag & kNoLinks) != 0 ? kMountNoLinks : 0);
}

bool is_same_object(int a, int b) {
  struct stat first {};
  struct stat second {};
  return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && is_same_file(first, second) &&
         first.st_mode == second.st_mode && first.st_rdev == second.st_rdev;
}

class StagedMounts : public Mounts {
 public:
  StagedMounts(uid_t uid, gid_t gid) : uid_(uid), gid_(gid) {
    if (own_procfs() >= 0) return;
    throw Error(Code::mount_failed, "`/proc` of the host is no procfs",
                "mount proc on /proc, or run a kernel with open_tree and move_mount");
  }

  /// The container's namespace has a mount of its own of the verified object: it is looked up again
  /// by this path and must be the same object.
  Tree prepare(const BindMount& mount, UniqueFd source) override {
    require_source(mount, status_of(source.get()));
    paths_[mount.target] = host_.path_of(source.get());
    return {.fd = std::move(source)};
  }
  Tree prepare(const TmpfsMount& /*mount*/) override { return {}; }

  void enter() override {
    root_ = UniqueFd(::openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root_ || !make_slave(root_.get()) ||
        !call("tmpfs", root_.get(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700")) {
      throw_errno(Code::mount_failed, "make a place for mounts", kNeedsRight);
    }
    // `..` of a process's root directory is that directory with what is mounted over it.
    stage_ = UniqueFd(::openat(root_.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct statfs filesystem {};
    if (!stage_ || ::fstatfs(stage_.get(), &filesystem) != 0 || filesystem.f_type != TMPFS_MAGIC ||
        mount_id_of(stage_.get()) == 0 || on_same_mount(stage_.get(), root_.get())) {
      stage_.reset();
      throw Error(Code::mount_failed, "the place for mounts is not found again",
                  "start the container again");
    }
    if (!call(nullptr, stage_.get(), nullptr, MS_PRIVATE, nullptr)) {
      throw_errno(Code::mount_failed, "make a place for mounts", kNeedsRight);
    }
  }

  Tree tree_of(const BindMount& mount, Tree prepared) override {
    const UniqueFd source = find_again(mount, prepared.fd.get());
    UniqueFd tree = bind(source.get(), mount.type == SourceType::directory);
    if (!tree || !set_flags(tree.get(), present_flags(tree.get()) | flags_of(mount.attributes))) {
      throw_errno(Code::mount_failed, "mount `" + mount.source.path.str() + "`", kNeedsRight);
    }
    return {.fd = std::move(tree)};
  }

  Tree tree_of(const TmpfsMount& mount, Tree /*prepared*/) override {
    const std::string what = "make a tmpfs for `" + mount.target.str() + "`";
    if (mount.label.find('"') != std::string::npos) {
      throw Error(Code::mount_failed, what + ": a label with a quotation mark",
                  "correct linux.mountLabel in config.json");
    }
    const std::string name = make_place(true);
    const UniqueFd place = place_of(name);
    if (!place || !call("tmpfs", place.get(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
                        tmpfs_options(mount, uid_, gid_).c_str())) {
      throw_errno(Code::mount_failed, what, kNeedsRight);
    }
    UniqueFd tmpfs = mounted_at(name);
    if (!tmpfs) throw_errno(Code::mount_failed, what, kNeedsRight);
    fill_tmpfs(tmpfs.get(), mount, uid_, gid_);
    if (mount.read_only && !set_flags(tmpfs.get(), present_flags(tmpfs.get()) | MS_RDONLY)) {
      throw_errno(Code::mount_failed, what, kNeedsRight);
    }
    return {.fd = std::move(tmpfs)};
  }

  Tree file(const std::string& content, const std::string& label, int /*place*/) override {
    TmpfsMount mount = tmpfs_with_file(content, label);
    const Tree tmpfs = tree_of(mount, {});
    const UniqueFd opened =
        sys::open_beneath(tmpfs.fd.get(), kFileOfTmpfs, O_PATH | O_NOFOLLOW, kWithoutLinks);
    UniqueFd tree = opened ? bind(opened.get(), false) : UniqueFd();
    if (!tree || !set_flags(tree.get(), MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)) {
      throw_errno(Code::mount_failed, "make a file to mount in the container", kNeedsRight);
    }
    return {.fd = std::move(tree)};
  }

  UniqueFd copy(int tree) override { return bind(tree, status_of(tree).is_directory()); }

  bool attach(int tree, int target) noexcept override {
    return call(name_in_procfs(tree).c_str(), target, nullptr, MS_MOVE, nullptr);
  }
  bool make_slave(int root) noexcept override {
    return call(nullptr, root, nullptr, MS_SLAVE, nullptr);
  }
  void leave() noexcept override {
    if (stage_) detach(stage_.get());
    stage_.reset();
  }

 private:
  /// Calls mount(2) on the object of `target`.
  static bool call(const char* source, int target, const char* type, unsigned long flags,
                   const char* options) noexcept {
    return ::fchdir(own_procfs()) == 0 &&
           ::mount(source, name_in_procfs(target).c_str(), type, flags, options) == 0;
  }

  static bool set_flags(int tree, unsigned long flags) noexcept {
    return call(nullptr, tree, nullptr, MS_REMOUNT | MS_BIND | flags, nullptr);
  }

  [[nodiscard]] UniqueFd find_again(const BindMount& mount, int verified) const {
    const std::string& path = paths_.at(mount.target);
    UniqueFd found = path.empty() ? UniqueFd()
                                  : sys::open_beneath(root_.get(), path.c_str(),
                                                      O_PATH | O_NOFOLLOW, kWithoutLinks);
    if (found && is_same_object(found.get(), verified)) return found;
    throw Error(Code::mount_failed,
                "`" + mount.source.path.str() +
                    "` is not what was checked on the host, in the container's mount namespace",
                "mount what it lies on before the container's namespace is made, and start the "
                "container again");
  }

  /// Makes a new file or directory on our tmpfs and returns its name; empty, with errno, on
  /// failure.
  std::string make_place(bool directory) {
    std::string name = std::to_string(places_++);
    if (directory) return ::mkdirat(stage_.get(), name.c_str(), 0700) == 0 ? name : "";
    const UniqueFd file(::openat(stage_.get(), name.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    return file ? name : "";
  }

  [[nodiscard]] UniqueFd place_of(const std::string& name) const noexcept {
    if (name.empty()) return UniqueFd();
    return UniqueFd(::openat(stage_.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  }

  /// Opens the root of what was mounted on that file; empty, with errno, if nothing was.
  [[nodiscard]] UniqueFd mounted_at(const std::string& name) const noexcept {
    UniqueFd tree = place_of(name);
    if (tree && mount_id_of(tree.get()) != 0 && !on_same_mount(tree.get(), stage_.get())) {
      return tree;
    }
    errno = EINVAL;
    return UniqueFd();
  }

  /// Returns a private mount of the object of `source`; empty, with errno, on failure.
  UniqueFd bind(int source, bool is_directory) {
    const std::string name = make_place(is_directory);
    const UniqueFd place = place_of(name);
    if (!place || !call(name_in_procfs(source).c_str(), place.get(), nullptr, MS_BIND, nullptr)) {
      return UniqueFd();
    }
    UniqueFd tree = mounted_at(name);
    const bool done = tree && call(nullptr, tree.get(), nullptr, MS_PRIVATE, nullptr);
    return done ? std::move(tree) : UniqueFd();
  }

  uid_t uid_;
  gid_t gid_;
  RootDir host_ = RootDir(UniqueFd(::openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC)));
  UniqueFd root_ = UniqueFd();   // root of the container's mount namespace
  UniqueFd stage_ = UniqueFd();  // our tmpfs over it
  std::map<ContainerPath, std::string> paths_ = {};
  unsigned places_ = 0;
};

}  // namespace

std::unique_ptr<Mounts> make_staged_mounts(uid_t uid, gid_t gid) {
  return std::make_unique<StagedMounts>(uid, gid);
}

}  // namespace nvhook
