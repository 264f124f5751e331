// SPDX-License-Identifier: Apache-2.0
// Rootless and nested: finds out whether a device cgroup around us denies the devices.
#pragma once

#include <vector>

#include "os/root_dir.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// Opens the node of `control`, the control device, below the first of `roots` that has it; that
/// wakes no GPU. Only EPERM comes from a cgroup: EACCES comes from the node's own mode, and the
/// container's users may have other groups than this process. Throws Error(cgroup_denied), which
/// says where the devices have to be allowed.
void require_not_denied(const std::vector<const RootDir*>& roots, const DeviceRule& control);

}  // namespace nvhook
