// SPDX-License-Identifier: Apache-2.0
// The mount table of a process, parsed by libmount.
#pragma once

#include <string>
#include <vector>

namespace nvhook {

struct MountEntry {
  std::string target = {};      ///< below the process's root
  std::string source = {};      ///< what of its file system is mounted there, as a path in that
  std::string filesystem = {};  ///< tmpfs, ext4, …
  /// The kernel shows that the source has been removed since.
  bool is_deleted = false;

  friend bool operator==(const MountEntry&, const MountEntry&) = default;
};

/// The text of a /proc/<pid>/mountinfo, in its order. Throws Error(internal) for one that libmount
/// does not take.
[[nodiscard]] std::vector<MountEntry> parse_mount_table(const std::string& mountinfo);

}  // namespace nvhook
