// SPDX-License-Identifier: Apache-2.0
// Counts characters, not bytes, and not the escape sequences of colours.
#include "command/render/folded_text.hpp"

#include <vector>

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

/// A command split at the blanks that are not in quotes, and the words of the comment after it.
struct CommandWords {
  std::vector<std::string> command = {};
  std::vector<std::string> comment = {};  ///< the first is `#`, or starts with it
};

CommandWords words_of(std::string_view text) {
  CommandWords words;
  std::string word;
  char quote = '\0';
  const auto finish = [&] {
    const bool is_comment = !words.comment.empty() || word.starts_with('#');
    if (!word.empty()) (is_comment ? words.comment : words.command).push_back(word);
    word.clear();
  };
  for (const char c : text) {
    const bool is_comment = !words.comment.empty() || word.starts_with('#');
    if (c == ' ' && quote == '\0') {
      finish();
      continue;
    }
    word += c;
    if (is_comment) continue;
    if (quote == '\0' && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote) {
      quote = '\0';
    }
  }
  finish();
  return words;
}

/// Adds a word to the line that `used` columns are used of, or to a new one, after `end`, that
/// starts with `start`.
void add_word(std::string& text, std::size_t& used, const std::string& word, std::size_t room,
              std::string_view end, const std::string& start) {
  const std::size_t columns = columns_of(word);
  if (text.empty()) {
    text = word;
    used += columns;
  } else if (used + 1 + columns + end.size() <= room) {
    text.append(" ").append(word);
    used += 1 + columns;
  } else {
    text.append(end).append("\n").append(start).append(word);
    used = start.size() + columns;
  }
}

}  // namespace

std::string folded_command(std::string_view command, std::size_t width, std::size_t column) {
  if (width == 0 || column + columns_of(command) <= width) return std::string(command);
  const CommandWords words = words_of(command);
  const std::string indent(column, ' ');
  std::string text;
  std::size_t used = column;
  for (const std::string& word : words.command) add_word(text, used, word, width, " \\", indent);
  bool is_first = true;
  for (const std::string& word : words.comment) {
    add_word(text, used, word, width, "", is_first ? indent : indent + "# ");
    is_first = false;
  }
  return text;
}

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
