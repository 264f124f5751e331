// SPDX-License-Identifier: Apache-2.0
// Parses texts about a process or a user: /proc/<pid>/stat, /proc/<pid>/uid_map, /etc/passwd.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nvhook {

/// Returns what `id` is outside of the user namespace that has this /proc/<pid>/uid_map (rows
/// `inside outside count`); nullopt if it is not mapped.
[[nodiscard]] std::optional<std::uint64_t> outer_id(std::string_view map, std::uint64_t id);

/// Whether the process with this /proc/<pid>/stat has ended, even if its parent has not reaped it
/// yet.
[[nodiscard]] bool is_dead(std::string_view stat);

/// Returns when the process with this /proc/<pid>/stat was started, in clock ticks since boot;
/// nullopt if the text does not say.
[[nodiscard]] std::optional<std::uint64_t> start_ticks(std::string_view stat);

/// Returns the home directory of user `uid` in the text of /etc/passwd; nullopt if there is no
/// absolute one.
[[nodiscard]] std::optional<std::string> home_of(std::string_view passwd, std::uint64_t uid);

}  // namespace nvhook
