// SPDX-License-Identifier: Apache-2.0
// Turns a call of a CDI hook into a plan, which is applied as every other plan.
#pragma once

#include "nvidia_ctk/hook_call.hpp"
#include "nvidia_ctk/hook_facts.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// Returns what `call` does in a container with these facts; a plan without steps if that is done
/// already. The calls of a specification may come in any order and any number of times: compat
/// libraries that enable-cuda-compat chose stay before the driver's. Throws Error(invalid_request)
/// for a version that is no version.
[[nodiscard]] Plan plan_hook(const HookCall& call, const HookFacts& facts);

}  // namespace nvhook
