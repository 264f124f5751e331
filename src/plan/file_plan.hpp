// SPDX-License-Identifier: Apache-2.0
// Plans which of the driver's files go where in the container.
#pragma once

#include "plan/plan_builder.hpp"

namespace nvhook {

/// Plans the files of the requested capabilities, their links, and the entries for the loader.
void plan_files(const PlanInput& input, PlanBuilder& plan);

/// Whether a container with this request gets `file`.
[[nodiscard]] bool is_wanted(const DriverFile& file, const Request& request);

/// The reason why a component is injected: `capability utility: NVML management library`.
[[nodiscard]] std::string reason_of(const Component& component, CapabilitySet asked);

/// Whether the request leaves out `file`.
[[nodiscard]] bool is_left_out(const DriverFile& file, const LeftOut& left_out);

}  // namespace nvhook
