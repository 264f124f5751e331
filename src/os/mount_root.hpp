// SPDX-License-Identifier: Apache-2.0
// Finds the root of the mount that a descriptor is on.
#pragma once

#include <optional>

#include "os/file_identity.hpp"
#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"

namespace nvhook {

/// Whether `fd`, an object below `root`, is the root of a mount; false if the kernel does not
/// report it.
[[nodiscard]] bool is_mount_root(int fd, const RootDir& root);

/// Returns which file `fd`, an object below `root`, is, if it is the root of a mount; nullopt if
/// not.
[[nodiscard]] std::optional<FileIdentity> mounted_file(int fd, const RootDir& root);

/// Returns the root of the mount of `fd`, an object below `root`; empty if it is not found.
[[nodiscard]] UniqueFd mount_root_of(int fd, const RootDir& root);

}  // namespace nvhook
