// SPDX-License-Identifier: Apache-2.0
// Takes one character after the other from the widest column, or whole columns, until the line
// fits.
#include "command/render/narrow_table.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <utility>
#include <vector>

#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kLeast = 7;
constexpr std::size_t kBetween = 2;  // blanks between columns

bool starts_character(char c) {
  constexpr unsigned kTop = 0xC0;
  constexpr unsigned kContinuation = 0x80;
  return (static_cast<unsigned char>(c) & kTop) != kContinuation;
}

std::size_t length(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

/// Returns the offset of the character with that number.
std::size_t offset_of(const std::string& text, std::size_t character) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (starts_character(text[at]) && character-- == 0) break;
  }
  return at;
}

std::string cut(const std::string& text, std::size_t room) {
  const std::size_t size = length(text);
  if (size <= room) return text;
  if (text.starts_with('/')) return "…" + text.substr(offset_of(text, size - room + 1));
  return text.substr(0, offset_of(text, room - 1)) + "…";
}

std::vector<std::size_t> widths_of(const Table& table) {
  std::vector<std::size_t> widths(table.head.size());
  for (std::size_t i = 0; i < table.head.size(); ++i) widths[i] = length(table.head[i]);
  for (const auto& row : table.rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], length(row[i].text));
    }
  }
  return widths;
}

std::size_t line_width(const std::vector<std::size_t>& widths) {
  const std::size_t blanks = widths.empty() ? 0 : kBetween * (widths.size() - 1);
  return std::accumulate(widths.begin(), widths.end(), blanks);
}

void remove_column(Table& table, std::size_t column) {
  const auto at = static_cast<std::ptrdiff_t>(column);
  table.head.erase(table.head.begin() + at);
  for (auto& row : table.rows) {
    if (column < row.size()) row.erase(row.begin() + at);
  }
}

}  // namespace

FittedTable fitted(Table table, const std::vector<std::string_view>& droppable, std::size_t width) {
  FittedTable result{.table = std::move(table)};
  const std::vector<std::string> heads = result.table.head;
  for (const std::string_view head : droppable) {
    if (width == 0 || line_width(widths_of(result.table)) <= width) break;
    const auto& now = result.table.head;
    const auto found = std::find(now.begin(), now.end(), head);
    if (found == now.end()) continue;
    remove_column(result.table, static_cast<std::size_t>(found - now.begin()));
  }
  const auto is_left_out = [&](const std::string& head) {
    const auto& now = result.table.head;
    return std::find(now.begin(), now.end(), head) == now.end();
  };
  std::copy_if(heads.begin(), heads.end(), std::back_inserter(result.left_out), is_left_out);
  return result;
}

Table narrowed(Table table, std::size_t width) {
  if (width == 0) return table;
  for (auto& row : table.rows) {
    for (Cell& cell : row) cell.text = printable(cell.text);
  }
  std::vector<std::size_t> widths = widths_of(table);
  if (widths.empty()) return table;
  while (line_width(widths) > width) {
    const auto widest = std::max_element(widths.begin(), widths.end());
    if (*widest <= kLeast) break;
    --*widest;
  }
  for (auto& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) row[i].text = cut(row[i].text, widths[i]);
  }
  return table;
}

}  // namespace nvhook
