// SPDX-License-Identifier: Apache-2.0
// What an object is, told by its descriptor.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

namespace nvhook {

/// What an object is, told by its descriptor.
struct FileStatus {
  unsigned mode = 0;  ///< st_mode
  unsigned owner = 0;
  unsigned group = 0;
  unsigned long long size = 0;
  unsigned device_major = 0;  ///< of a device node
  unsigned device_minor = 0;

  [[nodiscard]] bool is_regular() const noexcept;
  [[nodiscard]] bool is_directory() const noexcept;
  [[nodiscard]] bool is_symlink() const noexcept;
  [[nodiscard]] bool is_socket() const noexcept;
  [[nodiscard]] bool is_character_device() const noexcept;
};

/// Status of the object that `fd` refers to. Throws Error(internal).
[[nodiscard]] FileStatus status_of(int fd);
/// Status of the object of that name, which has no `/` in it, in `directory`; of a link its own.
/// Nothing if there is none. Throws Error(internal) where that cannot be told.
[[nodiscard]] std::optional<FileStatus> status_in(int directory, const std::string& name);

/// The same; nullopt, with errno, where that cannot be told.
[[nodiscard]] std::optional<FileStatus> find_status(int fd) noexcept;

/// Whether group or others may write what has this mode.
[[nodiscard]] bool is_writable_by_others(unsigned mode) noexcept;
/// Whether nobody but root can have written what has this owner and mode.
[[nodiscard]] bool is_only_roots(unsigned owner, unsigned mode) noexcept;

/// Whether both tell of one file or directory, whatever the mounts.
[[nodiscard]] bool is_same_file(const struct stat& a, const struct stat& b) noexcept;
/// Whether both descriptors are open on one; false where that cannot be told.
[[nodiscard]] bool is_same_file(int a, int b) noexcept;

}  // namespace nvhook
