// SPDX-License-Identifier: Apache-2.0
// How tables name containers, devices and lengths of time.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "command/ps/sample.hpp"

namespace nvhook {

/// Returns the container's name, its id, or its cgroup: the first that it has.
[[nodiscard]] std::string container_name(const GpuContainer& container);

/// Returns `0-3,5,6:0` for positions in `devices`; `-` for none.
[[nodiscard]] std::string device_names(const std::vector<std::size_t>& positions,
                                       const std::vector<HostDevice>& devices);

/// Returns a length of time in at most six characters, its two largest units: `45s`, `3h5m`,
/// `12d4h`.
[[nodiscard]] std::string age_text(Seconds age);

}  // namespace nvhook
