// SPDX-License-Identifier: Apache-2.0
// Implementation of the string functions, with the tables of UTF-8 and of misleading characters.
#include "text/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace nvhook {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

unsigned byte_at(std::string_view text, std::size_t at) noexcept {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0U;
}

/// The well-formed UTF-8 sequences, Unicode 15, table 3-7. Bytes after the second are 80..BF.
struct Utf8Row {
  unsigned first_low, first_high, second_low, second_high;
  std::size_t length;
};
constexpr std::array kUtf8{
    Utf8Row{0xC2, 0xDF, 0x80, 0xBF, 2}, Utf8Row{0xE0, 0xE0, 0xA0, 0xBF, 3},
    Utf8Row{0xE1, 0xEC, 0x80, 0xBF, 3}, Utf8Row{0xED, 0xED, 0x80, 0x9F, 3},
    Utf8Row{0xEE, 0xEF, 0x80, 0xBF, 3}, Utf8Row{0xF0, 0xF0, 0x90, 0xBF, 4},
    Utf8Row{0xF1, 0xF3, 0x80, 0xBF, 4}, Utf8Row{0xF4, 0xF4, 0x80, 0x8F, 4},
};

/// Length of the well-formed UTF-8 sequence at `at`, or 0.
std::size_t sequence_length(std::string_view text, std::size_t at) noexcept {
  const unsigned first = byte_at(text, at);
  const unsigned second = byte_at(text, at + 1);
  if (first < 0x80) return 1;
  const auto* const row = std::find_if(kUtf8.begin(), kUtf8.end(), [&](const Utf8Row& candidate) {
    return first >= candidate.first_low && first <= candidate.first_high;
  });
  if (row == kUtf8.end() || second < row->second_low || second > row->second_high) return 0;
  for (std::size_t i = 2; i < row->length; ++i) {
    if ((byte_at(text, at + i) & 0xC0U) != 0x80U) return 0;
  }
  return row->length;
}

/// The code point of the well-formed sequence at `at`.
unsigned code_point(std::string_view text, std::size_t at, std::size_t length) noexcept {
  unsigned point = byte_at(text, at);
  if (length > 1) point &= 0x7FU >> length;
  for (std::size_t i = 1; i < length; ++i) point = point << 6U | (byte_at(text, at + i) & 0x3FU);
  return point;
}

/// Code points that a terminal acts on, or that hide or reverse characters of the line: C0, DEL,
/// C1, and Unicode's invisible, bidirectional and line-ending characters.
struct PointRange {
  unsigned first, last;
};
constexpr std::array kMisleading{
    PointRange{0x00, 0x1F},     PointRange{0x7F, 0x9F},       PointRange{0xAD, 0xAD},
    PointRange{0x61C, 0x61C},   PointRange{0x180E, 0x180E},   PointRange{0x200B, 0x200F},
    PointRange{0x2028, 0x202E}, PointRange{0x2060, 0x206F},   PointRange{0xFEFF, 0xFEFF},
    PointRange{0xFFF9, 0xFFFB}, PointRange{0xE0000, 0xE007F},
};
bool is_misleading(unsigned point) noexcept {
  return std::any_of(kMisleading.begin(), kMisleading.end(), [&](const PointRange& range) {
    return range.first <= point && point <= range.last;
  });
}

}  // namespace

std::string_view trim(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  std::size_t start = 0;
  while (true) {
    const auto end = text.find(separator, start);
    pieces.push_back(text.substr(start, end - start));
    if (end == std::string_view::npos) return pieces;
    start = end + 1;
  }
}

std::vector<std::string_view> split_list(std::string_view text, char separator) {
  std::vector<std::string_view> items;
  for (const std::string_view piece : split(text, separator)) {
    if (const std::string_view item = trim(piece); !item.empty()) items.push_back(item);
  }
  return items;
}

std::string join(const std::vector<std::string>& pieces, std::string_view separator) {
  std::string text;
  for (const std::string& piece : pieces) {
    if (&piece != &pieces.front()) text += separator;
    text += piece;
  }
  return text;
}

std::string shell_word(const std::string& text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%,=";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

std::optional<std::uint64_t> parse_unsigned(std::string_view text, int base) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<unsigned> parse_unsigned_int(std::string_view text, int base) {
  const auto value = parse_unsigned(text, base);
  if (!value || *value > std::numeric_limits<unsigned>::max()) return std::nullopt;
  return static_cast<unsigned>(*value);
}

std::optional<unsigned> parse_numbered(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return parse_unsigned_int(text.substr(prefix.size()));
}

std::string to_hexadecimal(std::uint64_t value, std::size_t width) {
  std::string digits;
  for (; value != 0; value >>= 4U) {
    digits.insert(digits.begin(), "0123456789abcdef"[value & 0xFU]);
  }
  if (digits.size() < width) digits.insert(0, width - digits.size(), '0');
  return digits;
}

std::optional<bool> parse_bool(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == yes) return true;
  }
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) noexcept {
  return equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

std::string printable(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string shown;
  shown.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_length(text, at);
    if (length != 0 && !is_misleading(code_point(text, at, length))) {
      shown += text.substr(at, length);
      at += length;
      continue;
    }
    for (std::size_t i = 0; i < std::max<std::size_t>(length, 1); ++i) {
      const unsigned byte = byte_at(text, at++);
      shown += {'\\', 'x', kDigits[byte >> 4U], kDigits[byte & 0xFU]};
    }
  }
  return shown;
}

std::string well_formed(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_length(text, at);
    result += length == 0 ? "\xEF\xBF\xBD" : text.substr(at, length);
    at += std::max<std::size_t>(length, 1);
  }
  return result;
}

std::string cut_text(const std::string& text, std::size_t room) {
  constexpr std::size_t kTail = 256;  // bytes at the end that are kept
  constexpr std::string_view kCut = "…";
  const auto is_inside_character = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
  };
  if (text.size() <= room) return text;
  std::size_t begin = text.size() - kTail;
  while (begin < text.size() && is_inside_character(begin)) ++begin;
  std::size_t end = room - kCut.size() - (text.size() - begin);
  while (end > 0 && is_inside_character(end)) --end;
  return text.substr(0, end).append(kCut).append(text, begin);
}

std::string clean_path(std::string_view path) {
  const bool absolute = path.starts_with('/');
  std::vector<std::string_view> kept;
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    const bool cancels = part == ".." && !kept.empty() && kept.back() != "..";
    if (cancels) kept.pop_back();
    if (!cancels && !(part == ".." && absolute)) kept.push_back(part);
  }
  std::string cleaned = absolute ? "/" : "";
  for (const std::string_view part : kept) {
    if (!cleaned.empty() && cleaned.back() != '/') cleaned += '/';
    cleaned += part;
  }
  return cleaned.empty() ? "." : cleaned;
}

}  // namespace nvhook
