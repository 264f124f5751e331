// SPDX-License-Identifier: Apache-2.0
// By the C library, which knows the calendar.
#include "text/utc_time.hpp"

#include <array>
#include <ctime>

namespace nvhook {

std::string utc_time(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  std::array<char, 32> text{};
  if (::gmtime_r(&time, &parts) == nullptr) return {};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

}  // namespace nvhook
