// SPDX-License-Identifier: Apache-2.0
// The system calls that the kernel must refuse while this process configures a container.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>

namespace nvhook {

/// When a call is allowed: if the bits `mask` of its argument number `argument` (from 0) are
/// `value`. Only the lower 32 bits of an argument are compared; the arguments used here have no
/// others.
struct CallCondition {
  unsigned argument = 0;
  std::uint32_t mask = 0;
  std::uint32_t value = 0;

  friend constexpr bool operator==(const CallCondition&, const CallCondition&) = default;
};

inline constexpr CallCondition kAlways{.mask = 0, .value = 0};
inline constexpr CallCondition kNever{.mask = 0, .value = 1};

struct CallRule {
  std::uint32_t call = 0;  ///< number of the system call
  CallCondition allowed_if = kNever;
};

/// Returns the rules for all calls that are not always allowed, by ascending numbers.
[[nodiscard]] std::span<const CallRule> call_rules() noexcept;

/// Returns the seccomp program for these rules. A refused call fails with EPERM, and so does every
/// call of another calling convention (i386, x32).
[[nodiscard]] std::span<const sock_filter> call_filter() noexcept;

}  // namespace nvhook
