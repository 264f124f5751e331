// SPDX-License-Identifier: Apache-2.0
// The mount table of a process, parsed with libmount.
#pragma once

#include <string>
#include <vector>

namespace nvhook {

struct MountEntry {
  std::string target = {};      ///< path below the root of the process
  std::string source = {};      ///< what is mounted, as a path in its file system
  std::string filesystem = {};  ///< tmpfs, ext4, …
  /// The kernel reports that the source has been removed since.
  bool is_deleted = false;

  friend bool operator==(const MountEntry&, const MountEntry&) = default;
};

/// Parses the text of a /proc/<pid>/mountinfo and keeps its order. Throws Error(internal) if
/// libmount refuses it.
[[nodiscard]] std::vector<MountEntry> parse_mount_table(const std::string& mountinfo);

}  // namespace nvhook
