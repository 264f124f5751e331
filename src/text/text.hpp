// SPDX-License-Identifier: Apache-2.0
// String functions: split and trim, numbers, printable text, paths as text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nvhook {

/// Returns `text` without leading and trailing spaces, tabs and line ends.
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

/// Returns the pieces of `text` between `separator`s, including empty ones; {""} for "".
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

/// Returns the trimmed pieces between `separator`s, without empty ones.
[[nodiscard]] std::vector<std::string_view> split_list(std::string_view text, char separator);

/// Returns `pieces` with `separator` between them.
[[nodiscard]] std::string join(const std::vector<std::string>& pieces, std::string_view separator);

/// Returns `text` as one word of a shell's command line, quoted if necessary.
[[nodiscard]] std::string shell_word(const std::string& text);

/// Returns the number that the whole of `text` is in `base` (no sign, no space, no 0x); nullopt if
/// it is not a number.
[[nodiscard]] std::optional<std::uint64_t> parse_unsigned(std::string_view text, int base = 10);
/// As parse_unsigned(), and nullopt also if the number does not fit an unsigned int.
[[nodiscard]] std::optional<unsigned> parse_unsigned_int(std::string_view text, int base = 10);

/// Returns the number after `prefix`: 7 for `gpu7`; nullopt for any other text.
[[nodiscard]] std::optional<unsigned> parse_numbered(std::string_view text,
                                                     std::string_view prefix);

/// Returns `value` in lower-case digits, with leading zeros up to `width`; "" for 0 without a
/// width.
[[nodiscard]] std::string to_hexadecimal(std::uint64_t value, std::size_t width = 0);

/// As Go's strconv.ParseBool: true for 1, t, T, TRUE, true, True, false for 0, f, F, FALSE, false,
/// False, nullopt for anything else.
[[nodiscard]] std::optional<bool> parse_bool(std::string_view text);

/// Compares without regard to the case of ASCII letters.
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;
[[nodiscard]] bool starts_with_ignoring_case(std::string_view text,
                                             std::string_view prefix) noexcept;

/// Returns `text` with control characters, invisible and bidirectional characters and bytes that
/// are not UTF-8 replaced by `\xNN`. Backslashes are not escaped: the result is for people, not for
/// a parser.
[[nodiscard]] std::string printable(std::string_view text);

/// Returns `text` with U+FFFD instead of each byte that is not UTF-8, as Go's JSON decoder does.
[[nodiscard]] std::string well_formed(std::string_view text);

/// Returns `text`, with `…` instead of its middle if it is longer than `room` bytes, which must be
/// more than 300. What makes a line long is a path or value of the image, and the reason comes
/// after that.
[[nodiscard]] std::string cut_text(const std::string& text, std::size_t room);

/// Returns `path` without empty and `.` components, without `..` components that cancel another,
/// and without a trailing slash; "." if nothing is left. Works on the text only, as Go's
/// filepath.Clean: no link is followed.
[[nodiscard]] std::string clean_path(std::string_view path);

}  // namespace nvhook
