// SPDX-License-Identifier: Apache-2.0
// Calls each system call with arguments that every kernel that has it rejects as invalid.
#include "os/refused_calls.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace nvhook {
namespace {

constexpr unsigned kNoSuchFlag = 1U << 30U;

/// EPERM comes from a seccomp filter, or from the kernel if the caller has no right to mount. For
/// root it is a refusal. For another user it is the reason of a failure that is better reported
/// where the call is needed.
bool is_refusal(long result) noexcept {
  return result < 0 && (errno == ENOSYS || (errno == EPERM && ::geteuid() == 0));
}

}  // namespace

bool is_openat2_refused() noexcept {
  // A size of 0 is invalid, and is checked first.
  static const bool refused = [] {
    const long result = ::syscall(SYS_openat2, -1, "", nullptr, 0);
    return result < 0 && errno != EINVAL;
  }();
  return refused;
}

bool is_mount_api_refused() noexcept {
  static const bool refused =
      is_refusal(::syscall(SYS_open_tree, -1, "", kNoSuchFlag)) ||
      is_refusal(::syscall(SYS_move_mount, -1, "", -1, "", kNoSuchFlag)) ||
      is_refusal(::syscall(SYS_mount_setattr, -1, "", kNoSuchFlag, nullptr, 0)) ||
      is_refusal(::syscall(SYS_fsopen, nullptr, kNoSuchFlag)) ||
      is_refusal(::syscall(SYS_fsconfig, -1, kNoSuchFlag, nullptr, nullptr, 0)) ||
      is_refusal(::syscall(SYS_fsmount, -1, kNoSuchFlag, 0));
  return refused;
}

}  // namespace nvhook
