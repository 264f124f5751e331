// SPDX-License-Identifier: Apache-2.0
// Asks the kernel about single mounts, where mountinfo would list those of the whole host.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

namespace nvhook {

/// `fd` is open on the topmost of the mounts at `path`, a path of this process without links.
/// Returns whether it shows the same directory of the same file system as the lowest of them, which
/// was there first; nullopt if the kernel does not tell (statmount, Linux 6.8). Takes a few calls,
/// however many mounts there are.
[[nodiscard]] std::optional<bool> shows_lowest_mount(int fd, const std::string& path);

/// Returns the names in the directory `path`, a path of this process without links, over which
/// something is mounted. `fd` is open on the mount that the directory is on. nullopt if the kernel
/// does not tell (listmount, Linux 6.8), and if more than 1024 mounts lie below that mount.
[[nodiscard]] std::optional<std::set<std::string, std::less<>>> names_mounted_over(
    int fd, const std::string& path);

}  // namespace nvhook
