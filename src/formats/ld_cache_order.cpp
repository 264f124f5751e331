// SPDX-License-Identifier: Apache-2.0
// Skips the part that two names have in common, because neighbours in a cache differ little.
#include "formats/ld_cache_order.hpp"

#include <bit>
#include <cstdint>
#include <cstring>

namespace nvhook {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

char char_at(std::string_view text, std::size_t index) noexcept {
  return index < text.size() ? text[index] : '\0';
}

/// Returns the number at `index` and moves `index` behind it. Overflows wrap, as in glibc.
std::int32_t take_number(std::string_view text, std::size_t& index) noexcept {
  std::uint32_t number = 0;
  for (; is_digit(char_at(text, index)); ++index) {
    number = number * 10 + static_cast<std::uint32_t>(text[index] - '0');
  }
  return static_cast<std::int32_t>(number);
}

std::strong_ordering compare_characters(char a, char b) noexcept {
  return is_digit(a) == is_digit(b) ? a <=> b : is_digit(a) <=> is_digit(b);
}

/// Returns a length up to which both names are equal and which does not end within a run of digits.
std::size_t common_part(std::string_view a, std::string_view b) noexcept {
  constexpr std::size_t kStep = 8;
  std::size_t at = 0;
  while (a.size() - at >= kStep && b.size() - at >= kStep &&
         std::memcmp(a.data() + at, b.data() + at, kStep) == 0) {
    at += kStep;
  }
  while (at > 0 && is_digit(a[at - 1])) --at;
  return at;
}

}  // namespace

std::strong_ordering compare_cache_names(std::string_view a, std::string_view b) noexcept {
  std::size_t i = common_part(a, b);
  std::size_t j = i;
  std::strong_ordering order = std::strong_ordering::equal;
  while (std::is_eq(order) && (i < a.size() || j < b.size())) {
    if (is_digit(char_at(a, i)) && is_digit(char_at(b, j))) {
      const std::int32_t number = take_number(a, i);
      order = number <=> take_number(b, j);
    } else {
      order = compare_characters(char_at(a, i++), char_at(b, j++));
    }
  }
  return order;
}

std::size_t sorting_work(std::size_t count, std::size_t longest) noexcept {
  return count * static_cast<std::size_t>(std::bit_width(count)) * longest;
}

}  // namespace nvhook
