// SPDX-License-Identifier: Apache-2.0
// The one exception type: a stable code, what failed and why, and what to do about it.
#include "core/error.hpp"

#include <string_view>
#include <utility>

#include "core/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxLine = 4096 - 64;  // the caller puts the program's name in front
constexpr std::string_view kCut = "…";

/// `text` made printable, and cut between two characters if that is longer than `room` bytes.
std::string shown(std::string_view text, std::size_t room) {
  // A printable text is never shorter than its source, so what is beyond `room` need not be looked
  // at.
  std::string line = printable(text.substr(0, room + 1));
  if (line.size() <= room) return line;
  std::size_t end = room - kCut.size();
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U) --end;
  line.resize(end);
  line += kCut;
  return line;
}

}  // namespace

std::string to_string(Code code) {
  std::string digits = std::to_string(static_cast<unsigned>(code));
  digits.insert(0, 4 - digits.size(), '0');
  return "NVH-" + digits;
}

Error::Error(Code code, const std::string& message, std::string remedy)
    : std::runtime_error(message), code_(code), remedy_(std::move(remedy)) {}

std::string to_line(const Error& error) {
  // The message may hold a megabyte of an image's environment; the remedy is mostly ours and short.
  std::string remedy = shown(error.remedy(), kMaxLine / 2);
  if (!remedy.empty()) remedy = " Try: " + remedy + ".";
  return to_string(error.code()) + ": " + shown(error.what(), kMaxLine - remedy.size()) + "." +
         remedy;
}

}  // namespace nvhook
