// SPDX-License-Identifier: Apache-2.0
// Plans device nodes and the container's view of /proc/driver/nvidia.
#pragma once

#include <string>
#include <vector>

#include "plan/plan_builder.hpp"

namespace nvhook {

/// Returns the application profile of NVIDIA's driver that makes EGL and Vulkan see only the GPUs
/// with these minor numbers (docs/behaviour.md §5.14); numbers above 63 have no bit in it.
[[nodiscard]] std::string application_profile(const std::vector<unsigned>& minors);

/// Plans the tmpfs over /proc/driver/nvidia and that of the application profile.
void plan_views(const PlanInput& input, PlanBuilder& plan);

/// Plans the container's view of /proc/driver/nvidia alone, with the GPUs and MIG devices that are
/// selected: whoever gave it their nodes gives the rest.
void plan_proc_view(const PlanInput& input, PlanBuilder& plan);

/// Plans nodes, device rules, and the parts of /proc that belong to them. Throws
/// Error(device_node_missing) if a node that the request needs is missing.
void plan_devices(const PlanInput& input, PlanBuilder& plan);

}  // namespace nvhook
