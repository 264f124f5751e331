// SPDX-License-Identifier: Apache-2.0
// Carries out one call of a CDI hook.
#pragma once

#include "nvidia_ctk/hook_call.hpp"
#include "oci_hook/hook.hpp"

namespace nvhook {

/// Reads the container's state and does in the container what `line` says: all of it, or nothing
/// and an Error. Runs in the container's namespaces (createContainer) or on the host
/// (createRuntime).
void run_cdi_hook(const HookCommandLine& line, HookContext& context);

}  // namespace nvhook
