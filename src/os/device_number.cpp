// SPDX-License-Identifier: Apache-2.0
// Conversions between a device number and `major:minor`.
#include "os/device_number.hpp"

#include "text/text.hpp"

namespace nvhook {

std::string to_string(DeviceNumber number) {
  return std::to_string(number.major) + ":" + std::to_string(number.minor);
}

std::string to_rule(DeviceNumber number) { return "c " + to_string(number); }

std::optional<DeviceNumber> parse_device_number(std::string_view text) {
  const auto parts = split(trim(text), ':');
  if (parts.size() != 2) return std::nullopt;
  const auto major = parse_unsigned_int(parts[0]);
  const auto minor = parse_unsigned_int(parts[1]);
  if (!major || !minor) return std::nullopt;
  return DeviceNumber{.major = *major, .minor = *minor};
}

}  // namespace nvhook
