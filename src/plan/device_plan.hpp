// SPDX-License-Identifier: Apache-2.0
// Plans device nodes and the container's view of /proc/driver/nvidia.
#pragma once

#include "plan/plan_builder.hpp"

namespace nvhook {

/// Plans the tmpfs over /proc/driver/nvidia and that of the application profile.
void plan_views(const PlanInput& input, PlanBuilder& plan);

/// Plans nodes, device rules, and the parts of /proc that belong to them. Throws
/// Error(device_node_missing) if a node that the request needs is missing.
void plan_devices(const PlanInput& input, PlanBuilder& plan);

}  // namespace nvhook
