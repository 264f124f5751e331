// SPDX-License-Identifier: Apache-2.0
// Eight characters of a string at a time, and one of all else. After a failure nothing is next any
// more, which ends every loop.
#include "text/json_reader.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "text/json_extent.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxDigits = 18;  // fits into every integer

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

/// From space to tilde, without the quote and the backslash.
bool is_plain(char c) noexcept { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; }

using Word = std::uint64_t;
static_assert(std::endian::native == std::endian::little, "the first character must be the lowest");
constexpr unsigned kBits = 8;  // of a character

constexpr Word repeat(unsigned char c) { return ~Word{0} / 0xff * c; }

/// Sets the top bit of each character that is below `limit`, which is at most 0x80. As a borrow can
/// reach the characters above, only the lowest bit that is set is sure.
constexpr Word below(Word word, unsigned char limit) {
  return (word - repeat(limit)) & ~word & repeat(0x80);
}

constexpr Word equal(Word word, char c) {
  return below(word ^ repeat(static_cast<unsigned char>(c)), 1);
}

/// Returns how many of the word's characters are plain before the first that is not.
constexpr std::size_t count_plain(Word word) {
  constexpr char kDelete = '\x7f';
  const Word special = below(word, ' ') | equal(word, '"') | equal(word, '\\') |
                       equal(word, kDelete) | (word & repeat(0x80));
  return static_cast<std::size_t>(std::countr_zero(special)) / kBits;
}

/// The character that the escape `\c` stands for; NUL for all others.
char character_of(char c) noexcept {
  constexpr std::string_view kEscapes = "\"\\/bfnrt";
  constexpr std::string_view kCharacters = "\"\\/\b\f\n\r\t";
  const std::size_t index = kEscapes.find(c);
  return index == std::string_view::npos ? '\0' : kCharacters[index];
}

}  // namespace

void JsonReader::skip_space() noexcept {
  while (at_ < text_.size() && is_space(text_[at_])) ++at_;
}

bool JsonReader::is_next(char first) noexcept {
  skip_space();
  return !has_failed_ && at_ < text_.size() && text_[at_] == first;
}

void JsonReader::expect(char c) noexcept {
  if (is_next(c)) {
    ++at_;
  } else {
    fail();
  }
}

void JsonReader::expect(std::string_view word) noexcept {
  const std::string_view there = text_.substr(at_, word.size());
  if (there != word) fail();
  at_ += there.size();
}

bool JsonReader::opens(char bracket, char closing) noexcept {
  expect(bracket);
  if (++depth_ > kMaxJsonDepth) fail();
  if (!is_next(closing)) return !has_failed_;
  close(closing);
  return false;
}

void JsonReader::close(char bracket) noexcept {
  expect(bracket);
  --depth_;
}

bool JsonReader::goes_on() noexcept {
  if (!is_next(',')) return false;
  ++at_;
  return true;
}

std::string_view JsonReader::plain_characters() noexcept {
  const std::size_t begin = at_;
  std::size_t plain = sizeof(Word);
  while (plain == sizeof(Word) && text_.size() - at_ >= sizeof(Word)) {
    Word word = 0;
    std::memcpy(&word, &text_[at_], sizeof word);
    plain = count_plain(word);
    at_ += plain;
  }
  while (plain == sizeof(Word) && at_ < text_.size() && is_plain(text_[at_])) ++at_;
  return text_.substr(begin, at_ - begin);
}

/// No white space may come before it.
void JsonReader::expect_quote() noexcept {
  if (at_ >= text_.size() || text_[at_] != '"') return fail();
  ++at_;
}

std::string_view JsonReader::name() noexcept {
  expect('"');
  if (has_failed_) return {};
  const std::string_view name = plain_characters();
  expect_quote();
  return name;
}

/// Decodes the escape at the reader's place.
void JsonReader::add_escape() {
  constexpr std::size_t kHexDigits = 4;
  constexpr unsigned kMaxAscii = 0x7f;
  const std::string_view escape = text_.substr(at_, 2);
  char character = escape.size() == 2 ? character_of(escape[1]) : '\0';
  at_ += escape.size();
  if (escape == "\\u") {
    const std::string_view digits = text_.substr(at_, kHexDigits);
    const auto code = digits.size() == kHexDigits ? parse_unsigned_int(digits, 16) : std::nullopt;
    if (code && *code <= kMaxAscii) character = static_cast<char>(*code);
    at_ += digits.size();
  }
  if (character == '\0') fail();
  decoded_ += character;
}

std::string_view JsonReader::string() {
  expect('"');
  if (has_failed_) return {};
  std::string_view plain = plain_characters();
  if (at_ < text_.size() && text_[at_] == '\\') {
    decoded_ = plain;
    while (!has_failed_ && at_ < text_.size() && text_[at_] == '\\') {
      add_escape();
      decoded_ += plain_characters();
    }
    plain = decoded_;
  }
  expect_quote();
  return has_failed_ ? std::string_view() : plain;
}

bool JsonReader::boolean() {
  const bool value = is_next('t');
  expect(value ? "true" : "false");
  return value && !has_failed_;
}

void JsonReader::skip_number() noexcept {
  if (is_next('-')) ++at_;
  const std::size_t begin = at_;
  while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
  const std::size_t digits = at_ - begin;
  const bool has_zero = digits > 1 && text_[begin] == '0';
  const bool is_real = at_ < text_.size() && (text_[at_] == '.' || (text_[at_] | ' ') == 'e');
  if (digits == 0 || digits > kMaxDigits || has_zero || is_real) fail();
}

void JsonReader::skip() {
  skip_space();
  if (has_failed_ || at_ >= text_.size()) return fail();
  switch (text_[at_]) {
    case '{':
      return object([this](std::string_view) { skip(); });
    case '[':
      return list([this] { skip(); });
    case '"':
      return static_cast<void>(string());
    case 't':
      return expect("true");
    case 'f':
      return expect("false");
    case 'n':
      return expect("null");
    default:
      return skip_number();
  }
}

void JsonReader::skip_unread() noexcept {
  const std::size_t outside = depth_;
  for (skip_space(); at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '"') at_ = json_string_end(text_, at_);
    if (c == '{' || c == '[') ++depth_;
    if (c == '}' || c == ']') --depth_;
    if (depth_ > kMaxJsonDepth) return fail();
    if (depth_ <= outside) break;
  }
  if (depth_ > outside) fail();
  at_ = std::min(at_ + 1, text_.size());
}

bool JsonReader::has_read_all() noexcept {
  skip_space();
  return !has_failed_ && at_ == text_.size();
}

}  // namespace nvhook
