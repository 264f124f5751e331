// SPDX-License-Identifier: Apache-2.0
// Parses version numbers.
#include "text/version.hpp"

#include "text/text.hpp"

namespace nvhook {

std::optional<Version> Version::parse(std::string_view text) {
  if (text.empty() || text.front() == '.') return std::nullopt;
  Version version;
  version.text_ = text;
  for (const std::string_view part : split(text, '.')) {
    if (part.empty()) continue;  // several dots separate like one
    const auto number = parse_unsigned(part);
    if (!number) return std::nullopt;
    version.parts_.push_back(*number);
  }
  while (!version.parts_.empty() && version.parts_.back() == 0) version.parts_.pop_back();
  return version;
}

}  // namespace nvhook
