// SPDX-License-Identifier: Apache-2.0
// Reports an error to standard error, the debug log, the journal and the last-failure record.
#pragma once

#include <string>

#include "oci_hook/hook.hpp"
#include "text/error.hpp"

namespace nvhook {

/// Returns `oci-nvidia-hook: NVH-…` without a line end.
[[nodiscard]] std::string failure_line(const Error& error);

/// Reports `error` in all these places, or in the first two alone if no container waits, and
/// returns the exit status for it.
int report(const Error& error, HookContext& context);

}  // namespace nvhook
