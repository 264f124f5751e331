// SPDX-License-Identifier: Apache-2.0
// The root of the mount that a descriptor is on.
#pragma once

#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"

namespace nvhook {

/// Whether `fd`, an object below `root`, is the very root of a mount; false if the kernel does not
/// tell.
[[nodiscard]] bool is_mount_root(int fd, const RootDir& root);

/// The root of the mount that `fd`, an object below `root`, is on; empty if it is not found.
[[nodiscard]] UniqueFd mount_root_of(int fd, const RootDir& root);

}  // namespace nvhook
