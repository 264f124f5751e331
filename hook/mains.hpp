// SPDX-License-Identifier: Apache-2.0
// The programs that this executable is, by the name that it is started with.
#pragma once

#include <string>
#include <vector>

namespace nvhook {

inline constexpr const char* kProgram = "oci-nvidia-hook";

// Each takes the name that it was started by and the arguments after that, and returns the exit
// status.

/// An OCI hook: oci-nvidia-hook, nvidia-container-runtime-hook, nvidia-container-toolkit.
int hook_main(const std::string& name, const std::vector<std::string>& arguments);

/// nvidia-container-cli, the command line program of NVIDIA's stack.
int cli_main(const std::string& name, const std::vector<std::string>& arguments);
inline constexpr const char* kCliProgram = "nvidia-container-cli";

/// An OCI runtime that edits config.json of a container that is made, and then is the runtime that
/// does the work: oci-nvidia-runtime, nvidia-container-runtime and its variants by mode.
int runtime_main(const std::string& name, const std::vector<std::string>& arguments);

}  // namespace nvhook
