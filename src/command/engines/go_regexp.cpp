// SPDX-License-Identifier: Apache-2.0
// Reads a pattern from left to right, and remembers only what decides whether it is one.
#include "command/engines/go_regexp.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>

#include "text/text.hpp"

namespace nvhook {
namespace {

bool is_letter_or_digit(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool is_name(char c) { return is_letter_or_digit(c) || c == '_'; }

class Pattern {
 public:
  explicit Pattern(std::string_view text) : rest_(text) {}

  std::optional<std::string> fault() {
    while (!fault_ && !rest_.empty()) read_one();
    if (!fault_ && depth_ > 0) fault_ = "missing closing )";
    return std::move(fault_);
  }

 private:
  enum class Before { nothing, something, repetition };

  void read_one() {
    const char c = take();
    switch (c) {
      case '(':
        return open_group();
      case ')':
        if (depth_-- == 0) fault_ = "unexpected )";
        before_ = Before::something;
        return;
      case '|':
        before_ = Before::nothing;
        return;
      case '*':
      case '+':
      case '?':
        return repeat();
      case '{':
        return read_counted();
      case '[':
        read_class();
        break;
      case '\\':
        read_escape();
        break;
      default:
        break;
    }
    before_ = Before::something;
  }

  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  bool take_if(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  void repeat() {
    if (before_ == Before::nothing) fault_ = "missing argument to repetition operator";
    if (before_ == Before::repetition) fault_ = "invalid nested repetition operator";
    take_if("?");  // as little as possible
    before_ = Before::repetition;
  }

  /// `{2}`, `{2,}`, `{2,3}`; anything else after a brace is plain text.
  void read_counted() {
    const auto end = rest_.find('}');
    const std::string_view range = rest_.substr(0, end);
    const auto comma = range.find(',');
    const auto low = parse_unsigned(range.substr(0, comma));
    const std::string_view upper =
        comma == std::string_view::npos ? std::string_view() : range.substr(comma + 1);
    const auto high = upper.empty() ? low : parse_unsigned(upper);
    if (end == std::string_view::npos || !low || !high) {
      before_ = Before::something;
      return;
    }
    constexpr std::uint64_t kMost = 1000;
    if (*low > kMost || *high > kMost || *high < *low) fault_ = "invalid repeat count";
    rest_.remove_prefix(end + 1);
    repeat();
  }

  void open_group() {
    ++depth_;
    before_ = Before::nothing;
    if (!take_if("?")) return;
    if (take_if("P<") || (rest_.starts_with("<") && !rest_.starts_with("<=") &&
                          !rest_.starts_with("<!") && take_if("<"))) {
      const auto end = rest_.find('>');
      if (end == std::string_view::npos || end == 0) fault_ = "invalid named capture";
      for (const char c : rest_.substr(0, end)) {
        if (!is_name(c)) fault_ = "invalid named capture";
      }
      if (!fault_) rest_.remove_prefix(end + 1);
      return;
    }
    read_flags();
    if (take_if(":")) return;
    if (take_if(")")) {  // flags for what follows
      --depth_;
      return;
    }
    fault_ = "invalid or unsupported Perl syntax";
  }

  /// `i`, `im-sU`; a minus needs a flag after it.
  void read_flags() {
    constexpr std::string_view kFlags = "imsU";
    const auto take_flags = [&] {
      const std::size_t before = rest_.size();
      while (!rest_.empty() && kFlags.find(rest_.front()) != std::string_view::npos) take();
      return rest_.size() < before;
    };
    take_flags();
    if (take_if("-") && !take_flags()) fault_ = "invalid or unsupported Perl syntax";
  }

  void read_escape() {
    if (rest_.empty()) {
      fault_ = "trailing backslash at end of expression";
      return;
    }
    const char c = take();
    if (c == 'Q') {
      const auto end = rest_.find("\\E");
      rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 2);
      return;
    }
    if (std::string_view("AbBz").find(c) == std::string_view::npos) check_escaped(c);
  }

  /// An escape that stands for a character or for a class of characters.
  void check_escaped(char c) {
    constexpr std::string_view kKnown = "dDsSwWpPafnrtvx0";
    const bool is_octal =
        c >= '1' && c <= '7' && !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '7';
    const bool is_plain = static_cast<unsigned char>(c) < 0x80 && !is_letter_or_digit(c);
    if (!is_plain && !is_octal && kKnown.find(c) == std::string_view::npos)
      fault_ = "invalid escape sequence";
  }

  void read_class() {
    take_if("^");
    bool is_first = true;
    while (true) {
      if (rest_.empty()) {
        fault_ = "missing closing ]";
        return;
      }
      if (!is_first && take_if("]")) return;
      is_first = false;
      if (rest_.starts_with("[:") && rest_.find(":]") != std::string_view::npos) {
        read_named_class();
      } else {
        read_range();
      }
      if (fault_) return;
    }
  }

  void read_named_class() {
    constexpr std::array<std::string_view, 14> kNames{"alnum", "alpha", "ascii", "blank", "cntrl",
                                                      "digit", "graph", "lower", "print", "punct",
                                                      "space", "upper", "word",  "xdigit"};
    take_if("[:");
    take_if("^");
    const auto end = rest_.find(":]");
    const std::string_view name = rest_.substr(0, end);
    if (std::find(kNames.begin(), kNames.end(), name) == kNames.end()) {
      fault_ = "invalid character class range";
      return;
    }
    rest_.remove_prefix(end + 2);
  }

  void read_range() {
    const std::optional<char> low = read_member();
    if (!rest_.starts_with("-") || rest_.starts_with("-]")) return;
    take();
    if (rest_.empty()) return;
    for (const std::string_view group : {"\\d", "\\D", "\\s", "\\S", "\\w", "\\W", "\\p", "\\P"}) {
      if (rest_.starts_with(group)) fault_ = "invalid escape sequence";
    }
    if (fault_) return;
    const std::optional<char> high = read_member();
    if (!fault_ && low && high &&
        static_cast<unsigned char>(*high) < static_cast<unsigned char>(*low)) {
      fault_ = "invalid character class range";
    }
  }

  /// One character of a class; nullopt if it is an escape or not ASCII, which are not compared.
  std::optional<char> read_member() {
    const char c = take();
    if (c == '\\') {
      if (rest_.empty()) {
        fault_ = "missing closing ]";
      } else {
        check_escaped(take());
      }
      return std::nullopt;
    }
    return static_cast<unsigned char>(c) < 0x80 ? std::optional(c) : std::nullopt;
  }

  std::string_view rest_;
  std::size_t depth_ = 0;
  Before before_ = Before::nothing;
  std::optional<std::string> fault_ = {};
};

}  // namespace

std::optional<std::string> go_regexp_fault(std::string_view pattern) {
  return Pattern(pattern).fault();
}

}  // namespace nvhook
