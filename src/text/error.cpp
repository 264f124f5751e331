// SPDX-License-Identifier: Apache-2.0
// Error codes as text, and the line that users see.
#include "text/error.hpp"

#include <string_view>

#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxLine = 4096 - 64;  // the caller puts the program's name in front

}  // namespace

std::string to_string(Code code) {
  std::string digits = std::to_string(static_cast<unsigned>(code));
  digits.insert(0, 4 - digits.size(), '0');
  return "NVH-" + digits;
}

Error::Error(Code code, const std::string& message, const std::string& remedy)
    : std::runtime_error(printable(message)), code_(code), remedy_(printable(remedy)) {}

std::string to_line(const Error& error) {
  // The message may contain a megabyte of an image's environment. The remedy is mostly our own text
  // and short.
  std::string remedy = cut_text(error.remedy(), kMaxLine / 2);
  if (!remedy.empty()) remedy = " Try: " + remedy + ".";
  return to_string(error.code()) + ": " + cut_text(error.what(), kMaxLine - remedy.size()) + "." +
         remedy;
}

}  // namespace nvhook
