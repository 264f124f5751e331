// SPDX-License-Identifier: Apache-2.0
// Random names, because nothing here may depend on what a directory already contains.
#include "os/temporary_name.hpp"

#include <sys/random.h>

#include <cerrno>
#include <cstdint>

namespace nvhook {
namespace {

// With the dots and digits, names stay within the 255 bytes that file systems allow.
constexpr std::size_t kMaxKept = 200;
// The chance that a name is taken is one in 2^64, so even a second try is hardly ever needed.
constexpr int kMaxTries = 16;
constexpr std::size_t kDigits = 2 * sizeof(std::uint64_t);

std::optional<std::string> random_digits() {
  constexpr const char* kHexadecimal = "0123456789abcdef";
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) {
    return std::nullopt;
  }
  std::string text;
  for (std::size_t digit = 0; digit < kDigits; ++digit, number >>= 4U) {
    text += kHexadecimal[number & 0xfU];
  }
  return text;
}

}  // namespace

std::optional<std::string> make_under_temporary_name(const std::string& name,
                                                     const std::function<bool(const char*)>& make) {
  for (int tries = 0; tries < kMaxTries; ++tries) {
    const auto digits = random_digits();
    if (!digits) return std::nullopt;
    std::string temporary = "." + name.substr(0, kMaxKept) + "." + *digits;
    if (make(temporary.c_str())) return temporary;
    if (errno != EEXIST) return std::nullopt;
  }
  return std::nullopt;
}

bool is_temporary_name_of(std::string_view temporary, std::string_view name) {
  const std::string start = "." + std::string(name.substr(0, kMaxKept)) + ".";
  return temporary.size() == start.size() + kDigits && temporary.starts_with(start) &&
         temporary.find_first_not_of("0123456789abcdef", start.size()) == std::string_view::npos;
}

}  // namespace nvhook
