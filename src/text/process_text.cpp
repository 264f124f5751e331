// SPDX-License-Identifier: Apache-2.0
// Splits lines into fields and parses each strictly.
#include "text/process_text.hpp"

#include "text/text.hpp"

namespace nvhook {

std::optional<std::uint64_t> outer_id(std::string_view map, std::uint64_t id) {
  for (const std::string_view line : split(map, '\n')) {
    const auto words = split_list(line, ' ');
    if (words.size() != 3) continue;
    const auto inside = parse_unsigned(words[0]);
    const auto outside = parse_unsigned(words[1]);
    const auto count = parse_unsigned(words[2]);
    if (!inside || !outside || !count || id < *inside || id - *inside >= *count) continue;
    return *outside + (id - *inside);
  }
  return std::nullopt;
}

/// The state follows the name, which is in parentheses and may contain anything.
bool is_dead(std::string_view stat) {
  const std::size_t end_of_name = stat.rfind(") ");
  if (end_of_name == std::string_view::npos || end_of_name + 2 >= stat.size()) return true;
  const char state = stat[end_of_name + 2];
  return state == 'Z' || state == 'X' || state == 'x';
}

std::optional<std::uint64_t> start_ticks(std::string_view stat) {
  constexpr std::size_t kStart = 19;  // behind the name, where the state is 0 (proc(5))
  const std::size_t end_of_name = stat.rfind(") ");
  if (end_of_name == std::string_view::npos) return std::nullopt;
  const auto fields = split_list(stat.substr(end_of_name + 2), ' ');
  return fields.size() > kStart ? parse_unsigned(fields[kStart]) : std::nullopt;
}

std::optional<std::string> home_of(std::string_view passwd, std::uint64_t uid) {
  for (const std::string_view line : split(passwd, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() < 6 || parse_unsigned(fields[2]) != uid) continue;
    if (fields[5].starts_with('/')) return std::string(fields[5]);
  }
  return std::nullopt;
}

}  // namespace nvhook
