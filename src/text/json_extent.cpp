// SPDX-License-Identifier: Apache-2.0
// Counts brackets and skips strings, without recursion.
#include "text/json_extent.hpp"

#include <algorithm>

#include "text/text.hpp"

namespace nvhook {

std::size_t json_string_end(std::string_view text, std::size_t at) noexcept {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at;
}

std::optional<JsonExtent> first_json_object(std::string_view text) {
  const std::string_view body = trim(text);
  if (!body.starts_with('{')) return std::nullopt;
  JsonExtent extent;
  std::size_t open = 0;
  std::size_t member = 0;
  std::string_view string;  // the last string outside of members: a name
  for (std::size_t at = 0; at < body.size(); ++at) {
    const char c = body[at];
    if (c == '"') {
      const std::size_t end = json_string_end(body, at);
      if (open == 1) string = body.substr(at + 1, end - at - 1);
      at = end;
    } else if (c == '{' || c == '[') {
      if (++open == 2) member = at;
      extent.depth = std::max(extent.depth, open);
    } else if (c == '}' || c == ']') {
      if (--open == 1) extent.members.push_back({string, body.substr(member, at + 1 - member)});
      if (open != 0) continue;
      extent.object = body.substr(0, at + 1);
      extent.rest = body.substr(at + 1);
      return extent;
    }
  }
  return std::nullopt;
}

}  // namespace nvhook
