// SPDX-License-Identifier: Apache-2.0
// Which mount a descriptor is on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "os/file_status.hpp"

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

/// Whether both are on one mount; false if the kernel does not tell.
[[nodiscard]] bool on_same_mount(int a, int b) noexcept;

/// Whether `fd` is the very root of a mount; nothing where the kernel's statx does not tell (before
/// 5.8). See mount_root.hpp, which finds out otherwise.
[[nodiscard]] std::optional<bool> is_mount_root_by_attribute(int fd) noexcept;

/// Whether `name` in `directory`, no link, shows the mount of that id; false if the kernel does not
/// tell.
[[nodiscard]] bool is_on_mount(int directory, const std::string& name, std::uint64_t id) noexcept;

}  // namespace nvhook
