// SPDX-License-Identifier: Apache-2.0
// Shared by the fuzz targets: checks that end the process, splitting of inputs, rules for errors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace nvhook::fuzz {

/// Ends the process if `promise` is false, which fuzzers and tests notice.
inline void require(bool promise, std::string_view what) {
  if (promise) return;
  std::fprintf(stderr, "broken promise: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Returns the pieces of `text` between lines `%%`: always `count`, the last ones empty if there
/// are fewer. The last one contains the rest.
inline std::vector<std::string_view> parts(std::string_view text, std::size_t count) {
  constexpr std::string_view kSeparator = "%%\n";
  std::vector<std::string_view> pieces;
  while (pieces.size() + 1 < count) {
    const std::size_t at = text.find(kSeparator);
    pieces.push_back(text.substr(0, at));
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + kSeparator.size());
  }
  pieces.push_back(text);
  return pieces;
}

/// The UTF-8 character at `at`; length 0 if there is none. Independent of the product's decoder,
/// which it checks.
struct Character {
  std::size_t length = 0;
  std::uint32_t point = 0;
};

inline Character character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const unsigned first = byte(at);
  if (first < 0x80) return {1, first};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  std::uint32_t point = first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xc0U) != 0x80) return {};
    point = point << 6U | (byte(at + i) & 0x3fU);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = point >= 0xd800 && point < 0xe000;
  if (first < 0xc0 || first > 0xf7 || point < kLeast[length] || point > 0x10ffff || is_surrogate) {
    return {};
  }
  return {length, point};
}

/// Whether a terminal acts on the character (Unicode's category Cc), does not show it, or takes it
/// as a direction or the end of a line.
inline bool is_hidden(std::uint32_t point) {
  const auto in = [&](std::uint32_t first, std::uint32_t last) {
    return first <= point && point <= last;
  };
  const bool is_control = point < 0x20 || in(0x7f, 0x9f);
  const bool is_mark =
      in(0x200e, 0x200f) || in(0x2028, 0x202e) || in(0x2066, 0x206f) || point == 0x61c;
  const bool is_invisible = point == 0xad || point == 0x180e || in(0x200b, 0x200d) ||
                            in(0x2060, 0x2065) || point == 0xfeff || in(0xfff9, 0xfffb) ||
                            in(0xe0000, 0xe007f);
  return is_control || is_mark || is_invisible;
}

/// Whether `line` is one line of UTF-8 that a terminal shows as it is.
inline bool may_be_shown(std::string_view line) {
  for (std::size_t at = 0; at < line.size();) {
    const Character character = character_at(line, at);
    if (character.length == 0 || is_hidden(character.point)) return false;
    at += character.length;
  }
  return true;
}

inline void check(const Error& error) {
  const std::string line = to_line(error);
  require(line.size() <= 4096, "an error's line is at most 4 KiB long");
  require(may_be_shown(line), "an error's line is one line of printable UTF-8");
  require(std::string_view(error.what()) != "", "an error says what failed");
}

/// Returns the result of `function`, or nullopt if it threw an Error, the only exception that it
/// may throw.
template <typename Function>
auto attempt(Function function) -> std::optional<decltype(function())> {
  try {
    return function();
  } catch (const Error& error) {
    check(error);
    return std::nullopt;
  }
}

}  // namespace nvhook::fuzz
