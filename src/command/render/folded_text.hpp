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

}  // namespace nvhook
