// SPDX-License-Identifier: Apache-2.0
// Which devices the container gets, and what it sees below /proc/driver/nvidia.
#pragma once

#include "plan/plan_builder.hpp"

namespace nvhook {

/// The tmpfs over /proc/driver/nvidia, and that of the application profile.
void plan_views(const PlanInput& input, PlanBuilder& plan);

/// Nodes, their permissions, and what of /proc belongs to them. Throws Error(device_node_missing)
/// for a node that the request needs.
void plan_devices(const PlanInput& input, PlanBuilder& plan);

}  // namespace nvhook
