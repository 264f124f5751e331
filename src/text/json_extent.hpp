// SPDX-License-Identifier: Apache-2.0
// Finds where the JSON in a text begins and ends, before a parser sees it.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace nvhook {

/// Returns the position of the closing quote of the JSON string that begins at `at`; the end of
/// `text`, or behind it, if there is no closing quote.
[[nodiscard]] std::size_t json_string_end(std::string_view text, std::size_t at) noexcept;

/// A member of a JSON object whose value is an object or a list, both as they are written.
struct JsonMember {
  std::string_view name = {};
  std::string_view value = {};
};

/// Where a JSON object lies in a text.
struct JsonExtent {
  /// From its `{` to the bracket that closes it.
  std::string_view object = {};
  /// What follows it, without white space at the end.
  std::string_view rest = {};
  /// The deepest nesting of brackets; 1 for `{}`.
  std::size_t depth = 0;
  std::vector<JsonMember> members = {};
};
/// Returns the object that `text` starts with, after white space; nullopt if `text` starts with
/// something else or the object does not end. What is between the brackets is not checked.
[[nodiscard]] std::optional<JsonExtent> first_json_object(std::string_view text);

/// JSON nested deeper than this is refused: no runtime writes it, and a parser could run out of
/// stack.
inline constexpr std::size_t kMaxJsonDepth = 64;

}  // namespace nvhook
