// SPDX-License-Identifier: Apache-2.0
// A cgroup v2 device filter that takes devices back.
#pragma once

#include <vector>

#include "cgroup/bpf_instruction.hpp"
#include "os/device_number.hpp"

namespace nvhook {

/// Returns `program` without rules of ours (prepend_device_rules) for `devices`, and with
/// instructions that deny every access to those of them that the rest would still let be used. All
/// other decisions stay. A later prepend_device_rules() grants them again.
[[nodiscard]] BpfProgram deny_devices(const BpfProgram& program,
                                      const std::vector<DeviceNumber>& devices);

}  // namespace nvhook
