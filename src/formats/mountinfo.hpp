// SPDX-License-Identifier: Apache-2.0
// Lines of /proc/<pid>/mountinfo (proc(5)).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nvhook {

/// `id parent major:minor root point options optional… - type source super`. A view of the line:
/// hosts have thousands of mounts, so one costs no allocation. Escapes are left in.
struct MountinfoLine {
  std::uint64_t id = 0;
  std::uint64_t parent = 0;
  std::string_view device = {};
  std::string_view root = {};   ///< what of the file system is mounted
  std::string_view point = {};  ///< where, seen from the root of the process
  std::string_view type = {};
  std::string_view super_options = {};
};

/// Nothing for a line that is none.
[[nodiscard]] std::optional<MountinfoLine> parse_mountinfo_line(std::string_view line);

/// `text` without the octal escapes that mountinfo has for space, tab, line end and backslash.
[[nodiscard]] std::string unescape_mountinfo(std::string_view text);

/// What is left of `path` below `directory`, with its slash, or empty for `directory` itself;
/// nothing if it is not below. By spelling.
[[nodiscard]] std::optional<std::string_view> rest_below(std::string_view path,
                                                         std::string_view directory);

}  // namespace nvhook
