// SPDX-License-Identifier: Apache-2.0
// Columns for people.
#pragma once

#include <string>
#include <vector>

#include "command/render/style.hpp"

namespace nvhook {

struct Cell {
  std::string text = {};  ///< shown as printable() makes it; image's and driver's names come here
  Colour colour = Colour::none;
};

struct Table {
  std::vector<std::string> head = {};  ///< empty: no head line
  std::vector<std::vector<Cell>> rows = {};
};

/// Lines with line ends: columns as wide as their widest cell, two blanks between them, nothing
/// behind the last.
[[nodiscard]] std::string to_text(const Table& table, const Style& style);

}  // namespace nvhook
