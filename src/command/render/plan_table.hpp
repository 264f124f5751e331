// SPDX-License-Identifier: Apache-2.0
// The steps of a plan as a table for people: what is done where, from what, and why.
#pragma once

#include <cstddef>

#include "command/render/table.hpp"
#include "config/config.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// The rows are in the order in which the steps are done.
[[nodiscard]] Table plan_table(const Plan& plan, const Config& config);

/// Returns the number of steps; the loader cache counts as one.
[[nodiscard]] std::size_t step_count(const Plan& plan);

}  // namespace nvhook
