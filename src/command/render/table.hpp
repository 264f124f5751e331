// SPDX-License-Identifier: Apache-2.0
// Tables for people.
#pragma once

#include <string>
#include <vector>

#include "command/render/style.hpp"

namespace nvhook {

struct Cell {
  std::string text = {};  ///< printed with printable(), because names from images and drivers get
                          ///< here
  Colour colour = Colour::none;
};

struct Table {
  std::vector<std::string> head = {};  ///< empty: no header line
  std::vector<std::vector<Cell>> rows = {};
};

/// Returns the rows as lines: each column is as wide as its widest cell, columns are separated by
/// two blanks, and lines have no trailing blanks.
[[nodiscard]] std::string to_text(const Table& table, const Style& style);

}  // namespace nvhook
