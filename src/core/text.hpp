// SPDX-License-Identifier: Apache-2.0
// Small text tools: pieces, whole numbers, what may be shown, paths by spelling, where JSON ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nvhook {

/// `text` without leading and trailing spaces, tabs and line ends.
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

/// The pieces of `text` between `separator`s, empty ones included; {""} for "".
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

/// The trimmed pieces between `separator`s that are not empty.
[[nodiscard]] std::vector<std::string_view> split_list(std::string_view text, char separator);

/// `pieces` with `separator` between them.
[[nodiscard]] std::string join(const std::vector<std::string>& pieces, std::string_view separator);

/// The number that the whole of `text` spells in `base` (no sign, no space, no 0x), or nothing.
[[nodiscard]] std::optional<std::uint64_t> parse_unsigned(std::string_view text, int base = 10);

/// Equality without regard to the case of ASCII letters.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;
[[nodiscard]] bool starts_with_ignoring_case(std::string_view text,
                                             std::string_view prefix) noexcept;

/// `text` as it may be shown: control characters, invisible and bidirectional ones, and bytes
/// that are not UTF-8 become `\xNN`. A backslash stays one: the result is for reading, not for
/// parsing.
[[nodiscard]] std::string printable(std::string_view text);

/// `text` with U+FFFD in the place of each byte that is not UTF-8, as Go's JSON decoder reads it.
[[nodiscard]] std::string well_formed(std::string_view text);

/// `text`, without its middle (`…`) if it is longer than `room` bytes, which are more than 300:
/// what fills a line is a path or a value of the image, and the reason comes after it.
[[nodiscard]] std::string cut_text(const std::string& text, std::size_t room);

/// `path` without empty, `.` and (as far as they have something to cancel) `..` components and
/// without a trailing slash; "." for nothing at all. By spelling only, as Go's filepath.Clean: no
/// link is followed.
[[nodiscard]] std::string clean_path(std::string_view path);

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
