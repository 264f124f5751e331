// SPDX-License-Identifier: Apache-2.0
// Asks for system calls with arguments that every kernel that has them finds invalid.
#include "system/refused_calls.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace nvhook {
bool is_openat2_refused() noexcept {
  // A size of 0 is invalid, and looked at first.
  static const bool refused = [] {
    const long result = ::syscall(SYS_openat2, -1, "", nullptr, 0);
    return result < 0 && errno != EINVAL;
  }();
  return refused;
}

}  // namespace nvhook
