// SPDX-License-Identifier: Apache-2.0
// Carries out a plan: a loop without decisions.
#pragma once

#include "inject/kernel.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// Takes `kernel` through its phases. If one throws, everything is rolled back and the exception
/// passes on.
void apply(const Plan& plan, Kernel& kernel);

}  // namespace nvhook
