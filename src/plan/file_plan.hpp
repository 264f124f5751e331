// SPDX-License-Identifier: Apache-2.0
// Which of the driver's files go where in the container.
#pragma once

#include "plan/plan_builder.hpp"

namespace nvhook {

/// Files of the requested capabilities, their links, and what the container's loader must know.
void plan_files(const PlanInput& input, PlanBuilder& plan);

/// Whether a container with this request gets `file`.
[[nodiscard]] bool is_wanted(const DriverFile& file, const Request& request);

/// Why a component is injected where `asked` is: `capability utility: NVML management library`.
[[nodiscard]] std::string reason_of(const Component& component, CapabilitySet asked);

/// Whether `file` is of what the request leaves out.
[[nodiscard]] bool is_left_out(const DriverFile& file, const LeftOut& left_out);

}  // namespace nvhook
