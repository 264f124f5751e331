// SPDX-License-Identifier: Apache-2.0
// What a container's device cgroups allow, as far as it can be seen.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"
#include "os/root_dir.hpp"
#include "text/note.hpp"

namespace nvhook {

struct DeviceAccess {
  /// One text for each cgroup: its path, and what is known of it.
  std::vector<std::string> told = {};
  /// Devices that a v1 list denies to read and write.
  std::vector<DeviceNumber> denied = {};
  /// Devices that each filter of v2 has rules of the hook for; absent without a filter, or where
  /// there is no right to see it.
  std::optional<std::vector<DeviceNumber>> granted = {};
};

/// Of the process whose /proc/<pid>/cgroup reads `cgroup`, for `devices`. What may not be looked at
/// is told so.
[[nodiscard]] DeviceAccess look_at_devices(const std::string& cgroup,
                                           const std::vector<DeviceNumber>& devices,
                                           const RootDir& system);

}  // namespace nvhook
