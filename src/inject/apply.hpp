// SPDX-License-Identifier: Apache-2.0
// Applies a plan to a container: one loop over the steps, without decisions.
#pragma once

#include "inject/kernel.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// Calls the functions of `kernel` in their order. If one throws, everything is rolled back and the
/// exception is passed on.
void apply(const Plan& plan, Kernel& kernel);

}  // namespace nvhook
