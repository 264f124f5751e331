// SPDX-License-Identifier: Apache-2.0
// Parses what /proc tells of a process and its user. The process chooses its name.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nvhook {

/// Of a /proc/<pid>/stat.
struct StatLine {
  std::string name = {};  ///< any bytes, also line ends
  bool is_dead = false;   ///< a zombie: its first thread has ended
  bool is_kernel_thread = false;
  unsigned threads = 0;
  std::uint64_t start_ticks = 0;  ///< since boot

  friend bool operator==(const StatLine&, const StatLine&) = default;
};

/// nullopt if it is no such line.
[[nodiscard]] std::optional<StatLine> parse_stat(std::string_view text);

/// Returns the real user id in a /proc/<pid>/status.
[[nodiscard]] std::optional<uid_t> parse_status_uid(std::string_view text);

/// Returns the user id in a /proc/<pid>/loginuid; nullopt if nobody logged in.
[[nodiscard]] std::optional<uid_t> parse_login_uid(std::string_view text);

/// Returns the name of `uid` in the text of /etc/passwd, or the number if it has none.
[[nodiscard]] std::string user_name(std::string_view passwd, uid_t uid);

/// Returns when the host was started, in seconds since 1970: `now` less what /proc/uptime says.
[[nodiscard]] double boot_time(std::string_view uptime, double now);

}  // namespace nvhook
