// SPDX-License-Identifier: Apache-2.0
// The steps of a plan as lines for people: what is done where, from what, and why.
#pragma once

#include <cstddef>

#include "command/render/table.hpp"
#include "config/config.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// In the order in which they are done.
[[nodiscard]] Table plan_table(const Plan& plan, const Config& config);

/// How many they are; the loader cache is one.
[[nodiscard]] std::size_t step_count(const Plan& plan);

}  // namespace nvhook
