// SPDX-License-Identifier: Apache-2.0
// Aligns columns by the width that text has on a terminal.
#include "command/render/table.hpp"

#include <algorithm>
#include <utility>

#include "text/text.hpp"

namespace nvhook {
namespace {

/// Returns the number of terminal columns for `text`; continuation bytes of UTF-8 count nothing.
std::size_t width(std::string_view text) {
  constexpr unsigned kTop = 0xC0;
  constexpr unsigned kContinuation = 0x80;
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & kTop) != kContinuation;
  }));
}

using Line = std::vector<Cell>;

std::vector<Line> all_lines(const Table& table) {
  std::vector<Line> lines;
  if (!table.head.empty()) {
    Line head;
    for (const std::string& title : table.head) head.push_back({title, Colour::bold});
    lines.push_back(std::move(head));
  }
  for (const Line& row : table.rows) {
    Line line;
    for (const Cell& cell : row) line.push_back({printable(cell.text), cell.colour});
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace

std::string to_text(const Table& table, const Style& style) {
  const std::vector<Line> lines = all_lines(table);
  std::vector<std::size_t> widths;
  for (const Line& line : lines) {
    widths.resize(std::max(widths.size(), line.size()));
    for (std::size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], width(line[i].text));
    }
  }
  std::string text;
  for (const Line& line : lines) {
    std::size_t blanks = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (!line[i].text.empty()) {
        text.append(blanks, ' ').append(style(line[i].colour, line[i].text));
        blanks = 0;
      }
      blanks += widths[i] - width(line[i].text) + 2;
    }
    text += '\n';
  }
  return text;
}

}  // namespace nvhook
