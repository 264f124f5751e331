// SPDX-License-Identifier: Apache-2.0
// Carries out a plan: a loop without decisions.
#pragma once

#include "core/kernel.hpp"
#include "core/plan.hpp"

namespace nvhook {

/// Takes `kernel` through its phases. If one throws, everything is rolled back and the exception
/// passes on.
void apply(const Plan& plan, Kernel& kernel);

}  // namespace nvhook
