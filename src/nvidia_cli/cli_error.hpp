// SPDX-License-Identifier: Apache-2.0
// An error as nvidia-container-cli tells it.
#pragma once

#include <string>

#include "text/error.hpp"

namespace nvhook {

/// `<class> error: <words> (NVH-0202: <what>). Try: <remedy>.`: the class and the words are those
/// of libnvidia-container (behaviour.md §9.4, §11), because people and scripts know them; our code,
/// the details and what to do about it follow on the same line, which is cut at 4 KiB.
[[nodiscard]] std::string to_cli_line(const Error& error);

}  // namespace nvhook
