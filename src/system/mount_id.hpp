// SPDX-License-Identifier: Apache-2.0
// Which mount a descriptor is on.
#pragma once

#include <cstdint>

#include "system/unique_fd.hpp"

namespace nvhook {

/// The id of the mount that `fd` is on, as in mountinfo; 0 if the kernel does not tell.
[[nodiscard]] std::uint64_t mount_id_of(int fd) noexcept;

/// Whether `fd` is the very root of a mount.
[[nodiscard]] bool is_mount_root(int fd) noexcept;

/// The root of the mount that `fd` is on, found by walking up inside it; empty if there is no way
/// up (a file that is not a mount's root itself).
[[nodiscard]] UniqueFd mount_root_of(int fd) noexcept;

}  // namespace nvhook
