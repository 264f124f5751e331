// SPDX-License-Identifier: Apache-2.0
// Names for files that are made beside another one and then renamed over it.
#include "os/temporary_name.hpp"

#include <sys/random.h>

#include <cerrno>
#include <cstdint>

namespace nvhook {
namespace {

// With the dots and digits it stays a name that every file system takes (255 bytes).
constexpr std::size_t kMaxKept = 200;
// Each try hits a name that is there with a chance of one in 2^64, so that the second one is
// luxury.
constexpr int kMaxTries = 16;

std::optional<std::string> random_digits() {
  constexpr const char* kDigits = "0123456789abcdef";
  std::uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) {
    return std::nullopt;
  }
  std::string text;
  for (std::size_t digit = 0; digit < 2 * sizeof number; ++digit, number >>= 4U) {
    text += kDigits[number & 0xfU];
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

}  // namespace nvhook
