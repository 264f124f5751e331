// SPDX-License-Identifier: Apache-2.0
// Mounts by the calls of Linux 5.2 to 5.12: trees are attached nowhere until they are complete.
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/mount.h>

#include <cerrno>
#include <utility>

#include "inject/bind_source.hpp"
#include "inject/mounts.hpp"
#include "inject/tmpfs.hpp"
#include "os/mount_id.hpp"
#include "os/syscalls.hpp"
#include "os/user_namespace.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr MountAttributes kReadOnlyData{.read_only = true, .no_dev = true, .no_exec = true};

std::uint64_t attribute_mask(const MountAttributes& attributes) {
  std::uint64_t mask = MOUNT_ATTR_NOSUID;
  if (attributes.read_only) mask |= MOUNT_ATTR_RDONLY;
  if (attributes.no_dev) mask |= MOUNT_ATTR_NODEV;
  if (attributes.no_exec) mask |= MOUNT_ATTR_NOEXEC;
  return mask;
}

class DetachedMounts : public Mounts {
 public:
  DetachedMounts(uid_t uid, gid_t gid) noexcept : uid_(uid), gid_(gid) {}

  Tree prepare(const BindMount& mount, UniqueFd source) override {
    const std::string& path = mount.source.path.str();
    UniqueFd clone = copy(source.get());
    if (!clone) {
      require_mount_right("mount `" + path + "` in the container");
      throw_errno(Code::mount_failed, "clone `" + path + "`",
                  "run the hook with CAP_SYS_ADMIN over its mount namespace");
    }
    const MountedObject object = mounted_object(clone.get());
    require_source(mount, object.status);
    if (sys::set_mount_attributes(clone.get(), attribute_mask(mount.attributes), 0, MS_PRIVATE) !=
        0) {
      throw_errno(Code::mount_failed, "set mount attributes of `" + path + "`",
                  "run the hook with CAP_SYS_ADMIN over its mount namespace");
    }
    return {.fd = std::move(clone), .id = object.mount};
  }

  Tree prepare(const TmpfsMount& mount) override {
    UniqueFd tmpfs = make_detached_tmpfs(mount, uid_, gid_);
    fill_tmpfs(tmpfs.get(), mount, uid_, gid_);
    if (mount.read_only &&
        sys::set_mount_attributes(tmpfs.get(), MOUNT_ATTR_RDONLY, 0, MS_PRIVATE) != 0) {
      throw_errno(Code::mount_failed, "make `" + mount.target.str() + "` read-only",
                  "run the hook with CAP_SYS_ADMIN over its mount namespace");
    }
    return {.fd = std::move(tmpfs)};
  }

  void enter() override {}
  Tree tree_of(const BindMount& /*mount*/, Tree prepared) override { return prepared; }
  Tree tree_of(const TmpfsMount& /*mount*/, Tree prepared) override { return prepared; }

  /// Before Linux 6.15 only attached mounts can be cloned, so the tmpfs is attached for a moment.
  Tree file(const std::string& content, const std::string& label, int place) override {
    const TmpfsMount mount = tmpfs_with_file(content, label);
    const UniqueFd tmpfs = make_detached_tmpfs(mount, uid_, gid_);
    fill_tmpfs(tmpfs.get(), mount, uid_, gid_);
    const UniqueFd opened =
        sys::open_beneath(tmpfs.get(), kFileOfTmpfs, O_PATH | O_NOFOLLOW, RESOLVE_BENEATH);
    UniqueFd clone;
    if (opened && attach(tmpfs.get(), place)) {
      clone = copy(opened.get());
      const int error = errno;
      detach(tmpfs.get());
      errno = error;
    }
    if (!clone ||
        sys::set_mount_attributes(clone.get(), attribute_mask(kReadOnlyData), 0, MS_PRIVATE) != 0) {
      throw_errno(Code::mount_failed, "make a file to mount in the container",
                  "run the hook with CAP_SYS_ADMIN over its mount namespace");
    }
    return {.fd = std::move(clone)};
  }

  UniqueFd copy(int tree) override {
    return sys::open_tree(tree, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
  }
  bool attach(int tree, int target) noexcept override {
    return sys::move_mount(tree, target, 0) == 0;
  }
  bool make_slave(int root) noexcept override {
    return sys::set_mount_attributes(root, 0, 0, MS_SLAVE) == 0;
  }
  void leave() noexcept override {}

 private:
  uid_t uid_;
  gid_t gid_;
};

}  // namespace

std::unique_ptr<Mounts> make_detached_mounts(uid_t uid, gid_t gid) {
  return std::make_unique<DetachedMounts>(uid, gid);
}

}  // namespace nvhook
