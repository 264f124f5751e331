// SPDX-License-Identifier: Apache-2.0
// Small text tools: pieces, whole numbers, what may be shown, paths by spelling.
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
/// The same, of a number that fits an unsigned int.
[[nodiscard]] std::optional<unsigned> parse_unsigned_int(std::string_view text, int base = 10);

/// The number after `prefix`: 7 for `gpu7`. Nothing for anything else.
[[nodiscard]] std::optional<unsigned> parse_numbered(std::string_view text,
                                                     std::string_view prefix);

/// `value` in lower-case digits, with leading zeros up to `width`; "" for 0 without a width.
[[nodiscard]] std::string to_hexadecimal(std::uint64_t value, std::size_t width = 0);

/// 1, t, T, TRUE, true, True and their opposites, as Go's strconv.ParseBool; nothing for the rest.
[[nodiscard]] std::optional<bool> parse_bool(std::string_view text);

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

}  // namespace nvhook
