// SPDX-License-Identifier: Apache-2.0
// Formats an error as nvidia-container-cli prints it.
#pragma once

#include <string>

#include "text/error.hpp"

namespace nvhook {

/// Returns `<class> error: <words> (NVH-0202: <what>). Try: <remedy>.` Class and words are those of
/// libnvidia-container (docs/behaviour.md §9.4, §11), because people and scripts know them; our
/// code, the details and the remedy follow on the same line, which is cut at 4 KiB.
[[nodiscard]] std::string to_cli_line(const Error& error);

}  // namespace nvhook
