// SPDX-License-Identifier: Apache-2.0
// Asks the kernel about single mounts, where mountinfo would list those of the whole host.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

namespace nvhook {

/// Returns a number of the mount that `fd` is on, which no other mount gets later; 0 before Linux
/// 6.8.
[[nodiscard]] std::uint64_t unique_mount_id(int fd) noexcept;

/// `fd` is open on the topmost of the mounts at `path`, a path of this process without links.
/// Returns whether it shows the same directory of the same file system as the lowest of them, which
/// was there first; nullopt if the kernel does not tell (statmount, Linux 6.8). Takes a few calls,
/// however many mounts there are.
[[nodiscard]] std::optional<bool> shows_lowest_mount(int fd, const std::string& path);

/// Returns the names in the directory `path`, a path of this process without links, over which
/// something is mounted. `fd` is open on the mount that the directory is on. Of the mounts in
/// `known` (unique_mount_id) the kernel is not asked where they are, which takes a call for each.
/// nullopt if the kernel does not tell (listmount, Linux 6.8), and if more than 1024 mounts lie
/// below that mount.
[[nodiscard]] std::optional<std::set<std::string, std::less<>>> names_mounted_over(
    int fd, const std::string& path, const std::set<std::uint64_t>& known = {});

}  // namespace nvhook
