// SPDX-License-Identifier: Apache-2.0
// Fields are those of proc(5).
#include "command/containers/process_facts.hpp"

#include <vector>

#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::uint64_t kKernelThread = 0x00200000;  // PF_KTHREAD
// Positions of fields behind the name, where the state is 0.
constexpr std::size_t kState = 0;
constexpr std::size_t kFlags = 6;
constexpr std::size_t kThreads = 17;
constexpr std::size_t kStartField = 19;

std::optional<uid_t> to_uid(std::string_view text) {
  const auto number = parse_unsigned_int(text);
  // -1 is what the kernel has for nobody.
  if (!number || *number == static_cast<uid_t>(-1)) return std::nullopt;
  return *number;
}

}  // namespace

std::optional<StatLine> parse_stat(std::string_view text) {
  // The name is in parentheses and may contain anything, also `) `.
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return std::nullopt;
  }
  const auto fields = split_list(text.substr(close + 1), ' ');
  if (fields.size() <= kStartField || fields[kState].size() != 1) return std::nullopt;
  const auto flags = parse_unsigned(fields[kFlags]);
  const auto threads = parse_unsigned_int(fields[kThreads]);
  const auto start = parse_unsigned(fields[kStartField]);
  if (!flags || !threads || !start) return std::nullopt;
  const char state = fields[kState].front();
  return StatLine{.name = std::string(text.substr(open + 1, close - open - 1)),
                  .is_dead = state == 'Z' || state == 'X' || state == 'x',
                  .is_kernel_thread = (*flags & kKernelThread) != 0,
                  .threads = *threads,
                  .start_ticks = *start};
}

std::optional<uid_t> parse_status_uid(std::string_view text) {
  constexpr std::string_view kUid = "\nUid:";
  const auto at = text.find(kUid);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view line = text.substr(at + kUid.size());
  line = line.substr(0, line.find('\n'));
  const auto ids = split_list(line, '\t');
  return ids.empty() ? std::nullopt : to_uid(ids.front());
}

std::optional<uid_t> parse_login_uid(std::string_view text) { return to_uid(trim(text)); }

std::string user_name(std::string_view passwd, uid_t uid) {
  for (const std::string_view line : split(passwd, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() >= 3 && !fields[0].empty() && parse_unsigned(fields[2]) == uid) {
      return std::string(fields[0]);
    }
  }
  return std::to_string(uid);
}

double boot_time(std::string_view uptime, double now) {
  const std::string_view first = uptime.substr(0, uptime.find(' '));
  const auto point = first.find('.');
  const auto seconds = parse_unsigned(first.substr(0, point));
  if (!seconds) return now;
  const std::string_view digits =
      point == std::string_view::npos ? std::string_view() : first.substr(point + 1);
  constexpr double kHundred = 100;
  const auto hundredths = digits.size() == 2 ? parse_unsigned(digits).value_or(0) : 0;
  return now - static_cast<double>(*seconds) - static_cast<double>(hundredths) / kHundred;
}

}  // namespace nvhook
