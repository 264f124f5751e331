// SPDX-License-Identifier: Apache-2.0
// The device filters that systemd makes of a scope's DeviceAllow=.
#pragma once

#include <string_view>
#include <vector>

#include "cgroup/bpf_instruction.hpp"

namespace nvhook {

/// Returns the programs that systemd (252 to 262) may have made of `unit_text`, a unit's file and
/// its drop-ins, with DevicePolicy=strict, which is what runc and crun ask for: one for each order
/// of its list, which a reload reverses. `devices` is the text of /proc/devices, for names of
/// drivers (`char-pts`). None for another policy, or if an entry names a device by a path that does
/// not have its numbers. They are guesses, as those of runtime_filters().
[[nodiscard]] std::vector<BpfProgram> systemd_filters(std::string_view unit_text,
                                                      std::string_view devices);

}  // namespace nvhook
