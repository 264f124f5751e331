// SPDX-License-Identifier: Apache-2.0
// Writes what NVIDIA's programs write when standard error is no terminal.
#include "command/nvidia_ctk/ctk_log.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <ostream>

#include "text/text.hpp"

namespace nvhook {
namespace {

std::string_view name_of(CtkLevel level) {
  switch (level) {
    case CtkLevel::error:
      return "error";
    case CtkLevel::warning:
      return "warning";
    case CtkLevel::info:
      return "info";
    case CtkLevel::debug:
      return "debug";
  }
  return {};
}

std::string in_quotes(const std::string& text) {
  std::string quoted = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') quoted += '\\';
    quoted += letter;
  }
  return quoted + "\"";
}

std::string now() {
  const std::time_t seconds = std::time(nullptr);
  std::tm parts{};
  std::array<char, sizeof "2026-01-31T12:00:00Z"> text{};
  if (::gmtime_r(&seconds, &parts) == nullptr) return {};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

}  // namespace

std::string to_log_text(const CtkMessage& message) {
  return "level=" + std::string(name_of(message.level)) +
         " msg=" + in_quotes(printable(message.text));
}

void CtkLog::write(const CtkMessage& message) {
  if (message.level > most_) return;
  err_ << "time=\"" << now() << "\" " << to_log_text(message) << '\n';
}

void CtkLog::write(const std::vector<CtkMessage>& messages) {
  for (const CtkMessage& message : messages) write(message);
}

void CtkLog::write_lines(std::string_view text) {
  for (const std::string_view line : split(text, '\n')) {
    if (trim(line).empty()) continue;
    constexpr std::string_view kWarning = "warning: ";
    if (line.starts_with(kWarning)) {
      warning(std::string(line.substr(kWarning.size())));
    } else if (line.starts_with("missing: ")) {
      warning(std::string(line));
    } else {
      info(std::string(line));
    }
  }
}

}  // namespace nvhook
