// SPDX-License-Identifier: Apache-2.0
// Counts characters, not bytes, and not the escape sequences of colours.
#include "command/render/folded_text.hpp"

#include "text/text.hpp"

namespace nvhook {
namespace {

/// The number of columns that `word` takes.
std::size_t columns_of(std::string_view word) {
  constexpr unsigned kTop = 0xC0;
  constexpr unsigned kContinuation = 0x80;
  std::size_t columns = 0;
  bool is_escape = false;
  for (const char c : word) {
    if (c == '\x1b') is_escape = true;
    if (!is_escape && (static_cast<unsigned char>(c) & kTop) != kContinuation) ++columns;
    if (c == 'm') is_escape = false;
  }
  return columns;
}

std::string fold_line(std::string_view line, std::size_t width, std::size_t indent) {
  std::string folded;
  std::size_t used = 0;
  bool is_first = true;
  for (const std::string_view word : split(line, ' ')) {
    const std::size_t columns = columns_of(word);
    if (!is_first && !word.empty() && used + 1 + columns > width) {
      folded.erase(folded.find_last_not_of(' ') + 1);
      folded.append("\n").append(indent, ' ').append(word);
      used = indent + columns;
    } else {
      folded.append(is_first ? "" : " ").append(word);
      used += columns + (is_first ? 0 : 1);
    }
    is_first = false;
  }
  return folded;
}

}  // namespace

std::string folded(std::string_view text, std::size_t width, std::size_t indent) {
  if (width == 0) return std::string(text);
  std::string all;
  bool is_first = true;
  for (const std::string_view line : split(text, '\n')) {
    if (!is_first) all += '\n';
    all += columns_of(line) <= width ? std::string(line) : fold_line(line, width, indent);
    is_first = false;
  }
  return all;
}

}  // namespace nvhook
