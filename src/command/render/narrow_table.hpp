// SPDX-License-Identifier: Apache-2.0
// Cuts the cells of a table to the width of a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "command/render/table.hpp"

namespace nvhook {

/// Returns `table` with its widest cells cut, so that no line of to_text() has more than `width`
/// columns; no column becomes narrower than 7. A path keeps its end, other text its beginning; `…`
/// stands for the rest. 0: nothing is cut.
[[nodiscard]] Table narrowed(Table table, std::size_t width);

struct FittedTable {
  Table table = {};
  std::vector<std::string> left_out = {};  ///< heads, in the order of the table
};

/// Returns `table` without as many of the columns `droppable` (heads, the least important first) as
/// must go so that a line has at most `width` columns: a name that is cut can be neither read nor
/// copied. 0: nothing is left out.
[[nodiscard]] FittedTable fitted(Table table, const std::vector<std::string_view>& droppable,
                                 std::size_t width);

/// As to_text(), and cut to the terminal's width.
[[nodiscard]] inline std::string to_screen(const Table& table, const Style& style) {
  return to_text(narrowed(table, style.columns), style);
}

}  // namespace nvhook
