// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia-node` under the name `nvidia-toolkit`: the installer as NVIDIA's GPU operator starts
// it.
#pragma once

#include <string>
#include <vector>

#include "command/nvidia_ctk/ctk_line.hpp"
#include "os/process_setup.hpp"

namespace nvhook {

/// Runs the command line `arguments`, which exclude argv[0]; `environment` has the values of
/// toolkit_variables(). Returns the exit status, 0 or 1, when a signal has ended it.
[[nodiscard]] int run_nvidia_toolkit(const std::vector<std::string>& arguments,
                                     const CtkEnvironment& environment,
                                     const CallerContext& caller);

}  // namespace nvhook
