// SPDX-License-Identifier: Apache-2.0
// The roles of the hook's executable: one main function each, chosen by the name it is started
// with.
#pragma once

#include <string>
#include <vector>

namespace nvhook {

inline constexpr const char* kProgram = "oci-nvidia-hook";

// Each takes the name the executable was started with and the arguments after it, and returns the
// exit status.

/// An OCI hook: oci-nvidia-hook, nvidia-container-runtime-hook, nvidia-container-toolkit.
int hook_main(const std::string& name, const std::vector<std::string>& arguments);

/// nvidia-container-cli, the command line program of NVIDIA's toolkit.
int cli_main(const std::string& name, const std::vector<std::string>& arguments);
inline constexpr const char* kCliProgram = "nvidia-container-cli";

/// nvidia-cdi-hook: what NVIDIA's CDI specifications have runtimes call at createContainer.
int cdi_hook_main(const std::string& name, const std::vector<std::string>& arguments);
inline constexpr const char* kCdiHookProgram = "nvidia-cdi-hook";

/// nvidia-ctk: `hook …` is nvidia-cdi-hook; everything else is served by the program oci-nvidia
/// beside this one.
int ctk_main(const std::string& name, const std::vector<std::string>& arguments);
inline constexpr const char* kCtkProgram = "nvidia-ctk";

/// An OCI runtime that edits config.json when a container is created and then executes the
/// low-level runtime: oci-nvidia-runtime, nvidia-container-runtime and its variants for single
/// modes.
int runtime_main(const std::string& name, const std::vector<std::string>& arguments);

}  // namespace nvhook
