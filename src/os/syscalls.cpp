// SPDX-License-Identifier: Apache-2.0
// Calls by number; open_beneath() also repeats calls that a rename disturbed.
#include "os/syscalls.hpp"

#include <fcntl.h>
#include <linux/mount.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "os/path_walk.hpp"
#include "os/refused_calls.hpp"

namespace nvhook::sys {
namespace {

// openat2 fails with EAGAIN if the path has a `..` and anything on the host is renamed or mounted
// meanwhile. A burst of renames (containers that end) is over within milliseconds, but a hostile
// container can go on for ever, so the pauses of the whole run are counted.
constexpr int kMaxRetriesAtOnce = 128;
constexpr int kMaxPauses = 1000;  // one millisecond each

bool pause_for_renames() noexcept {
  static int pauses = 0;
  if (pauses >= kMaxPauses) return false;
  ++pauses;
  ::poll(nullptr, 0, 1);
  return true;
}

UniqueFd to_fd(long result) noexcept { return UniqueFd(static_cast<int>(result)); }

UniqueFd openat2(int directory, const char* path, const open_how& how) noexcept {
  return to_fd(::syscall(SYS_openat2, directory, path, &how, sizeof how));
}

bool is_refusal(int error) noexcept { return error == ENOSYS || error == EPERM; }

}  // namespace

UniqueFd open_beneath(int directory, const char* path, std::uint64_t flags, std::uint64_t resolve,
                      mode_t mode) noexcept {
  static bool walks = false;
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.mode = mode;
  how.resolve = resolve;
  UniqueFd fd;
  for (int attempt = 0;; ++attempt) {
    if (!walks) {
      fd = openat2(directory, path, how);
      // EPERM may also be about this file.
      if (!fd && is_refusal(errno)) {
        const int error = errno;
        walks = is_openat2_refused();
        errno = error;
      }
    }
    if (walks) fd = walk_path(directory, path, how.flags, resolve, mode);
    if (fd || errno != EAGAIN) return fd;
    if (attempt >= kMaxRetriesAtOnce && !pause_for_renames()) break;
  }
  errno = EAGAIN;
  return fd;
}

UniqueFd open_tree(int directory, const char* path, unsigned flags) noexcept {
  return to_fd(::syscall(SYS_open_tree, directory, path, flags | O_CLOEXEC));
}

int move_mount(int from, int to, unsigned flags) noexcept {
  return static_cast<int>(::syscall(SYS_move_mount, from, "", to, "",
                                    flags | MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

int set_mount_attributes(int fd, std::uint64_t set, std::uint64_t clear,
                         std::uint64_t propagation) noexcept {
  mount_attr attributes{};
  attributes.attr_set = set;
  attributes.attr_clr = clear;
  attributes.propagation = propagation;
  return static_cast<int>(
      ::syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attributes, sizeof attributes));
}

UniqueFd fsopen(const char* filesystem) noexcept {
  return to_fd(::syscall(SYS_fsopen, filesystem, FSOPEN_CLOEXEC));
}

int fsconfig_string(int context, const char* key, const char* value) noexcept {
  return static_cast<int>(::syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key, value, 0));
}

int fsconfig_create(int context) noexcept {
  return static_cast<int>(
      ::syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0));
}

UniqueFd fsmount(int context, unsigned attributes) noexcept {
  return to_fd(::syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, attributes));
}

UniqueFd pidfd_open(pid_t pid) noexcept { return to_fd(::syscall(SYS_pidfd_open, pid, 0)); }

int rename_at(int from_directory, const char* from, int to_directory, const char* to,
              unsigned flags) noexcept {
  return static_cast<int>(::syscall(SYS_renameat2, from_directory, from, to_directory, to, flags));
}

}  // namespace nvhook::sys
