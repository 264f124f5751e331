// SPDX-License-Identifier: Apache-2.0
// The one exception type: a stable code, what failed and why, and what to do about it.
#include "core/error.hpp"

#include <string_view>

#include "core/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxLine = 4096 - 64;  // the caller puts the program's name in front
constexpr std::size_t kTail = 256;           // of what is cut, these bytes stay
constexpr std::string_view kCut = "…";

bool is_inside_character(const std::string& text, std::size_t at) {
  return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
}

/// `text`, without its middle if it is longer than `room` bytes: what fills a line is a path or a
/// value of the image, and the reason comes after it.
std::string cut(const std::string& text, std::size_t room) {
  if (text.size() <= room) return text;
  std::size_t begin = text.size() - kTail;
  while (begin < text.size() && is_inside_character(text, begin)) ++begin;
  std::size_t end = room - kCut.size() - (text.size() - begin);
  while (end > 0 && is_inside_character(text, end)) --end;
  return text.substr(0, end).append(kCut).append(text, begin);
}

}  // namespace

std::string to_string(Code code) {
  std::string digits = std::to_string(static_cast<unsigned>(code));
  digits.insert(0, 4 - digits.size(), '0');
  return "NVH-" + digits;
}

Error::Error(Code code, const std::string& message, const std::string& remedy)
    : std::runtime_error(printable(message)), code_(code), remedy_(printable(remedy)) {}

std::string to_line(const Error& error) {
  // The message may hold a megabyte of an image's environment; the remedy is mostly ours and short.
  std::string remedy = cut(error.remedy(), kMaxLine / 2);
  if (!remedy.empty()) remedy = " Try: " + remedy + ".";
  return to_string(error.code()) + ": " + cut(error.what(), kMaxLine - remedy.size()) + "." +
         remedy;
}

}  // namespace nvhook
