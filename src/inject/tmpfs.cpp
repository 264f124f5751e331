// SPDX-License-Identifier: Apache-2.0
// Entries are made with their final mode and owner if possible, which saves calls.
#include "inject/tmpfs.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "os/file_status.hpp"
#include "os/files.hpp"
#include "os/syscalls.hpp"
#include "os/user_namespace.hpp"

namespace nvhook {
namespace {

constexpr std::uint64_t kBeneath = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;

[[noreturn]] void fail(const TmpfsMount& mount, const std::string& action) {
  require_mount_right("mount in the container");
  throw_errno(Code::mount_failed, action + " for `" + mount.target.str() + "`",
              "run the hook with CAP_SYS_ADMIN over its mount namespace");
}

std::string octal(unsigned mode) {
  constexpr unsigned kDigits = 4;
  std::string text;
  for (unsigned digit = kDigits; digit-- > 0;) {
    text += static_cast<char>('0' + (mode >> (3 * digit) & 7U));
  }
  return text;
}

/// Whether an entry is complete as soon as it is made: the umask of this program does not change a
/// mode that lets only the owner write.
bool is_complete(const TmpfsEntry& entry, uid_t uid, gid_t gid) {
  return uid == 0 && gid == 0 && !is_writable_by_others(entry.mode);
}

void add_entry(int root, const TmpfsEntry& entry, const TmpfsMount& mount, uid_t uid, gid_t gid) {
  const char* path = entry.path.c_str();
  if (!entry.link.empty()) {
    if (::symlinkat(entry.link.c_str(), root, path) != 0) fail(mount, "fill a tmpfs");
    return;
  }
  if (entry.directory && ::mkdirat(root, path, entry.mode) != 0) fail(mount, "fill a tmpfs");
  if (entry.directory && is_complete(entry, uid, gid)) return;
  const UniqueFd fd = sys::open_beneath(
      root, path, entry.directory ? O_RDONLY | O_DIRECTORY : O_WRONLY | O_CREAT | O_EXCL, kBeneath,
      entry.directory ? 0 : entry.mode);
  const bool done = fd && (entry.directory || write_all(fd.get(), entry.content)) &&
                    (is_complete(entry, uid, gid) ||
                     (::fchown(fd.get(), uid, gid) == 0 && ::fchmod(fd.get(), entry.mode) == 0));
  if (!done) fail(mount, "fill a tmpfs");
}

}  // namespace

UniqueFd make_detached_tmpfs(const TmpfsMount& mount, uid_t uid, gid_t gid) {
  const UniqueFd context = sys::fsopen("tmpfs");
  if (!context) fail(mount, "open a tmpfs");
  const bool configured =
      sys::fsconfig_string(context.get(), "size", std::to_string(mount.size).c_str()) == 0 &&
      sys::fsconfig_string(context.get(), "mode", octal(mount.mode).c_str()) == 0 &&
      sys::fsconfig_string(context.get(), "uid", std::to_string(uid).c_str()) == 0 &&
      sys::fsconfig_string(context.get(), "gid", std::to_string(gid).c_str()) == 0 &&
      (mount.label.empty() ||
       sys::fsconfig_string(context.get(), "context", mount.label.c_str()) == 0) &&
      sys::fsconfig_create(context.get()) == 0;
  if (!configured) fail(mount, "configure a tmpfs");
  UniqueFd tmpfs =
      sys::fsmount(context.get(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  if (!tmpfs) fail(mount, "make a tmpfs");
  return tmpfs;
}

std::string tmpfs_options(const TmpfsMount& mount, uid_t uid, gid_t gid) {
  std::string options = "size=" + std::to_string(mount.size) + ",mode=" + octal(mount.mode) +
                        ",uid=" + std::to_string(uid) + ",gid=" + std::to_string(gid);
  // A label may contain commas.
  if (!mount.label.empty()) options += ",context=\"" + mount.label + "\"";
  return options;
}

TmpfsMount tmpfs_with_file(const std::string& content, const std::string& label) {
  constexpr std::size_t kPage = 1UL << 16U;  // the largest page size of any kernel
  return {.target = ContainerPath("/"),
          .mode = 0700,
          .label = label,
          .entries = {{.path = kFileOfTmpfs, .content = content, .mode = 0444}},
          .size = content.size() + kPage};
}

void fill_tmpfs(int tmpfs, const TmpfsMount& mount, uid_t uid, gid_t gid) {
  for (const TmpfsEntry& entry : mount.entries) add_entry(tmpfs, entry, mount, uid, gid);
}

bool is_tmpfs(int fd) noexcept {
  struct statfs filesystem {};
  return ::fstatfs(fd, &filesystem) == 0 && filesystem.f_type == TMPFS_MAGIC;
}

bool is_tmpfs_with(int fd, const std::string& entry) noexcept {
  return is_tmpfs(fd) && sys::open_beneath(fd, entry.c_str(), O_PATH | O_NOFOLLOW, kBeneath);
}

}  // namespace nvhook
