// SPDX-License-Identifier: Apache-2.0
// Reads JSON from front to back, without a tree and without copying.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace nvhook {

/// A reader of the JSON that programs usually write. It fails at everything that is malformed, and
/// also at rare things that are not: bytes and escapes outside of ASCII, numbers that are no small
/// integers, names with escapes, deep nesting. After a failure it stays failed and gives empty
/// values, so that the caller need ask only once, at the end; a full parser must then decide.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) noexcept : text_(text) {}

  /// Reads an object. `on_member` gets each name, and must read or skip the value.
  template <typename OnMember>
  void object(OnMember on_member) {
    if (!opens('{', '}')) return;
    do {
      const std::string_view name = this->name();
      expect(':');
      if (has_failed_) return;
      on_member(name);
    } while (goes_on());
    close('}');
  }

  /// Reads a list. `on_element` must read or skip one value.
  template <typename OnElement>
  void list(OnElement on_element) {
    if (!opens('[', ']')) return;
    do {
      on_element();
    } while (goes_on());
    close(']');
  }

  /// Reads a string. The result is valid until the next call.
  [[nodiscard]] std::string_view string();
  [[nodiscard]] bool boolean();

  /// Whether a value that begins with `first` comes next, after white space.
  [[nodiscard]] bool is_next(char first) noexcept;
  /// Reads and forgets a value of any type.
  void skip();
  /// Skips an object or a list: only its strings and brackets are looked at, as by
  /// first_json_object.
  void skip_unread() noexcept;

  /// Whether nothing has failed, and only white space is left.
  [[nodiscard]] bool has_read_all() noexcept;
  /// Makes the reader fail, for what the caller does not know.
  void fail() noexcept { has_failed_ = true; }

 private:
  /// Returns whether there is a first member or element.
  bool opens(char bracket, char closing) noexcept;
  bool goes_on() noexcept;
  void close(char bracket) noexcept;
  void expect(char c) noexcept;
  void expect(std::string_view word) noexcept;
  void expect_quote() noexcept;
  void skip_space() noexcept;
  void skip_number() noexcept;
  [[nodiscard]] std::string_view name() noexcept;
  /// Reads up to the first character that is not plain: a quote, an escape, what is not ASCII.
  std::string_view plain_characters() noexcept;
  void add_escape();

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  bool has_failed_ = false;
  std::string decoded_ = {};  ///< the last string with escapes
};

}  // namespace nvhook
