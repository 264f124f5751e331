// SPDX-License-Identifier: Apache-2.0
// The directory of one process in /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "os/device_number.hpp"
#include "os/file_identity.hpp"
#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"

namespace nvhook {

/// Always refers to the process that had the number at construction; after its end nothing can be
/// read.
class ProcessDirectory {
 public:
  /// `proc` is the opened /proc. Use is_open() to see whether there is such a process.
  ProcessDirectory(int proc, pid_t pid);

  [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(directory_); }
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  /// Returns the file `name`, which the kernel must make as a whole (not mountinfo); nullopt if the
  /// process has ended, or with errno EACCES or EPERM if it may not be looked at.
  [[nodiscard]] std::optional<std::string> read(const char* name) const;

  /// Returns mountinfo; empty if it cannot be read.
  [[nodiscard]] std::string mountinfo() const;

  /// Returns the text of the link ns/pid; empty if it may not be read.
  [[nodiscard]] std::string pid_namespace() const;

  /// Opens its root directory, all of which is hostile; empty if that is not permitted.
  [[nodiscard]] UniqueFd root() const;

 private:
  pid_t pid_;
  UniqueFd directory_;
};

/// Returns the status of `name` in `directory` without waiting for a file system that a user
/// serves; nullopt if there is none. A link is followed if `flags` has no AT_SYMLINK_NOFOLLOW.
struct NodeFacts {
  unsigned mode = 0;
  DeviceNumber number = {};  ///< of a device node
  FileIdentity file = {};
};
[[nodiscard]] std::optional<NodeFacts> look_at_node(int directory, const char* name, int flags);

/// Returns the names in `directory`, in no order; nullopt, with errno, if it cannot be read.
[[nodiscard]] std::optional<std::vector<std::string>> names_in(UniqueFd directory);

/// A process as the directory of all shows it.
struct ProcessEntry {
  pid_t pid = 0;
  /// Inode of its directory: another one as soon as another process has the number.
  std::uint64_t inode = 0;
};

/// Returns all processes in `proc`, the opened /proc.
[[nodiscard]] std::vector<ProcessEntry> all_processes(int proc);

}  // namespace nvhook
