// SPDX-License-Identifier: Apache-2.0
// Which mount a descriptor is on.
#pragma once

#include <cstdint>
#include <string>

#include "system/root_dir.hpp"
#include "system/unique_fd.hpp"

namespace nvhook {

/// The id of the mount that `fd` is on, as in mountinfo; 0 if the kernel does not tell.
[[nodiscard]] std::uint64_t mount_id_of(int fd) noexcept;

/// What a descriptor refers to, and the id of the mount that it is on; 0 if statx does not tell
/// (before Linux 5.8).
struct MountedObject {
  FileStatus status = {};
  std::uint64_t mount = 0;
};

/// Both with one call. Throws Error(internal).
[[nodiscard]] MountedObject mounted_object(int fd);

/// Whether both are open on one file or directory, through whatever mounts.
[[nodiscard]] bool is_same_file(int a, int b) noexcept;

/// Whether both are on one mount; false if the kernel does not tell.
[[nodiscard]] bool on_same_mount(int a, int b) noexcept;

/// Whether `name` in `directory`, no link, shows the mount of that id; false if the kernel does not
/// tell.
[[nodiscard]] bool is_on_mount(int directory, const std::string& name, std::uint64_t id) noexcept;

/// Whether `fd`, an object below `root`, is the very root of a mount; false if the kernel does not
/// tell.
[[nodiscard]] bool is_mount_root(int fd, const RootDir& root);

/// The root of the mount that `fd`, an object below `root`, is on; empty if it is not found.
[[nodiscard]] UniqueFd mount_root_of(int fd, const RootDir& root);

}  // namespace nvhook
