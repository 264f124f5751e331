// SPDX-License-Identifier: Apache-2.0
// Breaks long lines at blanks, so that a terminal does not break them within words.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nvhook {

/// Returns `text` with no line of more than `width` columns, unless a word alone is longer. What
/// follows a break is indented by `indent` columns. Colours take no room. 0: nothing is broken.
[[nodiscard]] std::string folded(std::string_view text, std::size_t width, std::size_t indent = 2);

/// Returns a shell command, of which the first line starts in `column` and the others are indented
/// to it, in lines of at most `width` columns: copied from a terminal they do what the command
/// does. So nothing is broken within quotes, each line but the last ends in a backslash, and a
/// comment that goes on has its `#` again. 0: nothing is broken.
[[nodiscard]] std::string folded_command(std::string_view command, std::size_t width,
                                         std::size_t column);

}  // namespace nvhook
