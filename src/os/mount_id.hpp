// SPDX-License-Identifier: Apache-2.0
// Finds the mount that a descriptor is on.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "os/file_status.hpp"

namespace nvhook {

/// Returns the ID of the mount that `fd` is on, as in mountinfo; 0 if the kernel does not report
/// it.
[[nodiscard]] std::uint64_t mount_id_of(int fd) noexcept;

/// The object of a descriptor, and the ID of its mount; 0 if statx does not report it (before Linux
/// 5.8).
struct MountedObject {
  FileStatus status = {};
  std::uint64_t mount = 0;
};

/// Reads both with one call. Throws Error(internal).
[[nodiscard]] MountedObject mounted_object(int fd);

/// Whether both are on the same mount; false if the kernel does not report it.
[[nodiscard]] bool on_same_mount(int a, int b) noexcept;

/// Whether `fd` is the root of a mount; nullopt if statx does not report it (before 5.8). See
/// mount_root.hpp for a function that works on all kernels.
[[nodiscard]] std::optional<bool> is_mount_root_by_attribute(int fd) noexcept;

/// Whether `name` in `directory`, which must not be a link, is on the mount with that ID; false if
/// the kernel does not report it.
[[nodiscard]] bool is_on_mount(int directory, const std::string& name, std::uint64_t id) noexcept;

}  // namespace nvhook
