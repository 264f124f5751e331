// SPDX-License-Identifier: Apache-2.0
// Parses lines of /proc/<pid>/mountinfo (proc(5)).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nvhook {

/// `id parent major:minor root point options optional… - type source super`. The fields point into
/// the line: hosts have thousands of mounts, so parsing must not allocate. Escapes are left in.
struct MountinfoLine {
  std::uint64_t id = 0;
  std::uint64_t parent = 0;
  std::string_view device = {};
  std::string_view root = {};   ///< which directory of the file system is mounted
  std::string_view point = {};  ///< where, as seen from the root of the process
  std::string_view type = {};
  std::string_view super_options = {};
};

/// Returns nullopt if the line is malformed.
[[nodiscard]] std::optional<MountinfoLine> parse_mountinfo_line(std::string_view line);

/// Returns the number of the peer group of the mount in `line` (`shared:7`); 0 if it has no peers.
[[nodiscard]] std::uint64_t peer_group_of(std::string_view line);

/// Returns `text` with the octal escapes of mountinfo (space, tab, line end, backslash) decoded.
[[nodiscard]] std::string unescape_mountinfo(std::string_view text);

/// Returns the part of `path` below `directory`, with its slash; empty for `directory` itself,
/// nullopt if `path` is not below it. Compares the text only.
[[nodiscard]] std::optional<std::string_view> rest_below(std::string_view path,
                                                         std::string_view directory);

}  // namespace nvhook
