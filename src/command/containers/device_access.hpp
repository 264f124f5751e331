// SPDX-License-Identifier: Apache-2.0
// What a container's device cgroups allow, as far as it can be read.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cgroup/filter_reader.hpp"
#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"
#include "os/root_dir.hpp"
#include "text/note.hpp"

namespace nvhook {

struct DeviceAccess {
  /// One text for each cgroup: its path and what it allows.
  std::vector<std::string> told = {};
  /// Devices that a v1 list or a v2 filter does not allow to be read and written.
  std::vector<DeviceNumber> denied = {};
  /// The file in bpffs from which systemd takes the device filter at the next daemon-reload; empty
  /// if it takes none.
  std::string filter_file = {};
};

/// Reads the device cgroups of the process whose /proc/<pid>/cgroup contains `cgroup`, for
/// `devices`. For a cgroup that may not be read, `told` says so. `guesses` are for a device filter
/// that the kernel hides.
[[nodiscard]] DeviceAccess look_at_devices(const std::string& cgroup,
                                           const std::vector<DeviceNumber>& devices,
                                           const RootDir& system,
                                           const FilterGuesses& guesses = {});

}  // namespace nvhook
