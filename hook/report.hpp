// SPDX-License-Identifier: Apache-2.0
// How a failure is told: one line, in every place where somebody may look for it.
#pragma once

#include <string>

#include "oci_hook/hook.hpp"
#include "text/error.hpp"

namespace nvhook {

/// `oci-nvidia-hook: NVH-…` without line end.
[[nodiscard]] std::string failure_line(const Error& error);

/// Tells on standard error, in the debug log, the journal and the last-failure record. Returns the
/// exit status of the program.
int report(const Error& error, HookContext& context);

}  // namespace nvhook
