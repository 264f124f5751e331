// SPDX-License-Identifier: Apache-2.0
// Major and minor number of a character device.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace nvhook {

struct DeviceNumber {
  unsigned major = 0;
  unsigned minor = 0;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 in a defaulted <=> for ours
  friend auto operator<=>(const DeviceNumber&, const DeviceNumber&) = default;
  friend bool operator==(const DeviceNumber&, const DeviceNumber&) = default;
};

/// Returns `195:0`, as in the `dev` files of /sys.
[[nodiscard]] std::string to_string(DeviceNumber number);
/// Returns `c 195:0`: a device rule without the access.
[[nodiscard]] std::string to_rule(DeviceNumber number);

/// Parses a `dev` file of /sys, such as `226:1`; nullopt if it is malformed.
[[nodiscard]] std::optional<DeviceNumber> parse_device_number(std::string_view text);

}  // namespace nvhook
