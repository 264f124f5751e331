// SPDX-License-Identifier: Apache-2.0
// Where the JSON in a text begins and ends, found before a parser sees it.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace nvhook {

/// Where the JSON string that begins at `at` has its closing quote; the end of `text`, or behind
/// it, if nowhere.
[[nodiscard]] std::size_t json_string_end(std::string_view text, std::size_t at) noexcept;

/// A member of a JSON object whose value is an object or a list, both as they are written.
struct JsonMember {
  std::string_view name = {};
  std::string_view value = {};
};

/// Where a JSON object lies in a text, found without recursion and before any parser sees it.
struct JsonExtent {
  /// From its `{` to the bracket that closes it.
  std::string_view object = {};
  /// What follows it, without the white space at the end.
  std::string_view rest = {};
  /// Most brackets open at one place; 1 for `{}`.
  std::size_t depth = 0;
  std::vector<JsonMember> members = {};
};
/// The object that `text` starts with, after white space. Nothing if it starts with something else
/// or the object does not end. Says nothing about what is between the brackets.
[[nodiscard]] std::optional<JsonExtent> first_json_object(std::string_view text);

/// JSON nested deeper than this is refused: no runtime writes it, and it would cost a parser its
/// stack.
inline constexpr std::size_t kMaxJsonDepth = 64;

}  // namespace nvhook
