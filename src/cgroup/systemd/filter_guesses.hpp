// SPDX-License-Identifier: Apache-2.0
// Which device filters a container may have, for kernels that do not show them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cgroup/filter_reader.hpp"
#include "os/device_number.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// Returns guesses for the container whose config.json is `config_json` (empty if it is not known)
/// and whose /proc/<pid>/cgroup contains `cgroup`: the filters that runc and crun make of the one,
/// and those that systemd makes of the unit of its scope on the host with the root `system`, also
/// before it was told of `devices`. Reads nothing yet; `config_json` and `system` must outlive the
/// result.
[[nodiscard]] FilterGuesses filter_guesses(std::string_view config_json, std::string cgroup,
                                           const RootDir& system,
                                           std::vector<DeviceNumber> devices);

}  // namespace nvhook
