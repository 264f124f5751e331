// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia` under the name `nvidia-ctk`: the command line of NVIDIA's program.
#pragma once

#include <string>
#include <vector>

#include "command/nvidia_ctk/ctk_line.hpp"
#include "command/shell/command.hpp"

namespace nvhook {

inline constexpr const char* kCtkProgram = "nvidia-ctk";

/// Runs the command line `arguments`, which exclude argv[0]. `environment` has the values of
/// ctk_variables(). Data go to `context.out`, messages to `context.err`, in the form of NVIDIA's
/// program. Returns the exit status, 0 or 1; throws nothing that the command throws. The version
/// that --version prints is `version`.
[[nodiscard]] int run_nvidia_ctk(const std::vector<std::string>& arguments,
                                 const CtkEnvironment& environment, CommandContext& context,
                                 const std::string& version);

}  // namespace nvhook
