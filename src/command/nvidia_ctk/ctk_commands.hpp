// SPDX-License-Identifier: Apache-2.0
// The table of all commands of `nvidia-ctk`, from which its help is made.
#pragma once

#include <span>

#include "command/nvidia_ctk/ctk_line.hpp"

namespace nvhook {

/// Returns all commands, in the order of the help.
[[nodiscard]] std::span<const CtkCommand> ctk_commands();

/// Returns the names of all environment variables that are the value of an option.
[[nodiscard]] std::vector<std::string> ctk_variables();

}  // namespace nvhook
