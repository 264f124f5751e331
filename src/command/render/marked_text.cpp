// SPDX-License-Identifier: Apache-2.0
// Marks are lines of their own. A file without a line end at its end is noted in the mark, so that
// it can be restored.
#include "command/render/marked_text.hpp"

#include <algorithm>

#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr std::string_view kReplaced = "# was: ";
/// Added to the first mark if the text before it had no line end.
constexpr std::string_view kNoLineEnd = " (the file had no line end)";

/// Returns the offset of line `at` in `text`; the size of `text` if it has fewer lines.
std::size_t offset_of_line(std::string_view text, std::size_t at) {
  std::size_t offset = 0;
  for (; at > 0 && offset < text.size(); --at) {
    offset = std::min(text.size(), text.find('\n', offset)) + 1;
  }
  return std::min(offset, text.size());
}

std::string block_of(const std::vector<std::string>& lines, bool had_line_end) {
  std::string block = had_line_end ? std::string(kBlockBegin)
                                   : "\n" + std::string(kBlockBegin) + std::string(kNoLineEnd);
  block += '\n';
  for (const std::string& line : lines) block += line + "\n";
  return block + std::string(kBlockEnd) + "\n";
}

/// Returns the first line of `text`, including its line end.
std::string_view first_line(std::string_view text) {
  const std::size_t end = text.find('\n');
  return end == std::string_view::npos ? text : text.substr(0, end + 1);
}

bool is_mark(std::string_view line, std::string_view mark) {
  return line.starts_with(mark) && (line.size() == mark.size() || line[mark.size()] == '\n');
}

}  // namespace

std::string with_block(std::string_view text, std::size_t at,
                       const std::vector<std::string>& lines) {
  const std::size_t offset = offset_of_line(text, at);
  const bool had_line_end = offset == 0 || text[offset - 1] == '\n';
  return std::string(text.substr(0, offset)) + block_of(lines, had_line_end) +
         std::string(text.substr(offset));
}

std::string with_replaced_line(std::string_view text, std::size_t at,
                               const std::vector<std::string>& lines) {
  const std::size_t offset = offset_of_line(text, at);
  const std::string_view line = first_line(text.substr(offset));
  const std::string_view content = line.substr(0, std::min(line.size(), line.find('\n')));
  std::vector<std::string> inside{std::string(kReplaced) + std::string(content)};
  inside.insert(inside.end(), lines.begin(), lines.end());
  std::string block = block_of(inside, true);
  // The last line of a file may have no line end; then the block has none either.
  if (!line.ends_with('\n')) block.pop_back();
  return std::string(text.substr(0, offset)) + block +
         std::string(text.substr(offset + line.size()));
}

std::string without_blocks(std::string_view text, const std::string& filename) {
  std::string result;
  std::size_t number = 0;
  std::size_t begin = 0;  // first line of the current block, 0 outside of blocks
  while (!text.empty()) {
    const std::string_view line = first_line(text);
    text.remove_prefix(line.size());
    ++number;
    const bool had_no_end =
        is_mark(line, std::string(kBlockBegin) + std::string(kNoLineEnd)) && begin == 0;
    if (begin == 0 && (had_no_end || is_mark(line, kBlockBegin))) {
      begin = number;
      if (had_no_end && result.ends_with('\n')) result.pop_back();
    } else if (begin == 0) {
      result += line;
    } else if (is_mark(line, kBlockEnd)) {
      begin = 0;
      // A replaced line gets the line end that its block has.
      if (!line.ends_with('\n') && result.ends_with('\n')) result.pop_back();
    } else if (line.starts_with(kReplaced)) {
      result += line.substr(kReplaced.size());
    }
  }
  if (begin != 0) {
    throw Error(Code::config_invalid,
                filename + ":" + std::to_string(begin) + ": `" + std::string(kBlockBegin) +
                    "` without its end",
                "add the line `" + std::string(kBlockEnd) + "` after what setup had added");
  }
  return result;
}

}  // namespace nvhook
