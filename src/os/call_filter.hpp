// SPDX-License-Identifier: Apache-2.0
// Which system calls the kernel is to refuse a process that configures a container.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>

namespace nvhook {

/// When a call is allowed: if its `argument` (0 is the first), of which `mask` is looked at, is
/// `value`. Of an argument the lower 32 bits count: none of those below has more.
struct CallCondition {
  unsigned argument = 0;
  std::uint32_t mask = 0;
  std::uint32_t value = 0;

  friend constexpr bool operator==(const CallCondition&, const CallCondition&) = default;
};

inline constexpr CallCondition kAlways{.mask = 0, .value = 0};
inline constexpr CallCondition kNever{.mask = 0, .value = 1};

struct CallRule {
  std::uint32_t call = 0;  ///< its number
  CallCondition allowed_if = kNever;
};

/// Every call that is not allowed always, by ascending numbers.
[[nodiscard]] std::span<const CallRule> call_rules() noexcept;

/// The program that decides so for seccomp. What it refuses fails with EPERM, as does everything
/// that comes by another calling convention than this program's own.
[[nodiscard]] std::span<const sock_filter> call_filter() noexcept;

}  // namespace nvhook
