// SPDX-License-Identifier: Apache-2.0
// What a device filter of cgroup v2 decides, found out without asking the kernel.
#pragma once

#include <optional>
#include <vector>

#include "cgroup/device_filter.hpp"
#include "os/device_number.hpp"

namespace nvhook {

/// Returns whether `program` lets a process read and write the character device `device`; nullopt
/// if it has an instruction that no device filter of runc, crun or systemd has: a call, a map, a
/// jump backwards. It is carried out as the kernel would (struct bpf_cgroup_dev_ctx, linux/bpf.h).
///
/// The rules of the hook alone do not tell: after a reload systemd has a filter of its own in force
/// that allows what it was told.
[[nodiscard]] std::optional<bool> lets_use(const std::vector<BpfInstruction>& program,
                                           DeviceNumber device);

}  // namespace nvhook
