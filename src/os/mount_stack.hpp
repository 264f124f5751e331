// SPDX-License-Identifier: Apache-2.0
// Looks below the mounts that lie over each other at one place.
#pragma once

#include <optional>
#include <string>

namespace nvhook {

/// `fd` is open on the topmost of the mounts at `path`, a path of this process without links.
/// Returns whether it shows the same directory of the same file system as the lowest of them, which
/// was there first; nullopt if the kernel does not tell (statmount, Linux 6.8). Takes a few calls,
/// however many mounts there are.
[[nodiscard]] std::optional<bool> shows_lowest_mount(int fd, const std::string& path);

}  // namespace nvhook
