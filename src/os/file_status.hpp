// SPDX-License-Identifier: Apache-2.0
// The status of files, read by descriptor, and comparisons of it.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

namespace nvhook {

/// The status of one object, as fstat returns it.
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

/// Returns the status of the object that `fd` refers to. Throws Error(internal).
[[nodiscard]] FileStatus status_of(int fd);
/// Returns the status of the object `name`, which contains no `/`, in `directory`; a link is not
/// followed. nullopt if there is none. Throws Error(internal) if that is unknown (require_answer).
[[nodiscard]] std::optional<FileStatus> status_in(int directory, const std::string& name);

/// As status_of(), but returns nullopt, with errno, on failure.
[[nodiscard]] std::optional<FileStatus> find_status(int fd) noexcept;

/// Whether group or others may write an object with this mode.
[[nodiscard]] bool is_writable_by_others(unsigned mode) noexcept;
/// Whether only root can have written an object with this owner and mode.
[[nodiscard]] bool is_only_roots(unsigned owner, unsigned mode) noexcept;

/// Whether both are the status of one file or directory, through whatever mounts it was reached.
[[nodiscard]] bool is_same_file(const struct stat& a, const struct stat& b) noexcept;
/// Whether both descriptors refer to one file or directory; false if fstat fails.
[[nodiscard]] bool is_same_file(int a, int b) noexcept;

}  // namespace nvhook
