// SPDX-License-Identifier: Apache-2.0
// The number of a character device, and its text.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace nvhook {

/// A character device's number.
struct DeviceNumber {
  unsigned major = 0;
  unsigned minor = 0;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 in a defaulted <=> for ours
  friend auto operator<=>(const DeviceNumber&, const DeviceNumber&) = default;
  friend bool operator==(const DeviceNumber&, const DeviceNumber&) = default;
};

/// `195:0`, as in /sys/…/dev.
[[nodiscard]] std::string to_string(DeviceNumber number);
/// `c 195:0`: a device rule's object, without the access.
[[nodiscard]] std::string to_rule(DeviceNumber number);

/// A `dev` file of /sys: `226:1`.
[[nodiscard]] std::optional<DeviceNumber> parse_device_number(std::string_view text);

}  // namespace nvhook
