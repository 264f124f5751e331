// SPDX-License-Identifier: Apache-2.0
// Rootless and nested: what the device cgroups around us say, where nobody may ask them.
#pragma once

#include <vector>

#include "os/root_dir.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// Opens the node of `control`, the control device, below the first of `roots` that has it: that
/// wakes no GPU. Only EPERM is a cgroup's answer: EACCES comes from the node's own mode, and the
/// container's users may have other groups than this process. Throws Error(cgroup_denied) with
/// where the devices have to be allowed.
void require_not_denied(const std::vector<const RootDir*>& roots, const DeviceRule& control);

}  // namespace nvhook
