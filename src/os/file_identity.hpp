// SPDX-License-Identifier: Apache-2.0
// Tells a file from all others, as a plain value.
#pragma once

#include <sys/stat.h>

#include <compare>
#include <cstdint>

namespace nvhook {

/// Which file something shows, through whatever mounts it is reached. As long as it is open or
/// mounted, no other file has the same.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 in a defaulted <=> for ours
  friend auto operator<=>(const FileIdentity&, const FileIdentity&) = default;
};

[[nodiscard]] FileIdentity identity_of(const struct stat& status) noexcept;

}  // namespace nvhook
