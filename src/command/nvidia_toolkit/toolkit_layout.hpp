// SPDX-License-Identifier: Apache-2.0
// What the operator's components find below /usr/local/nvidia/toolkit. Pure.
#pragma once

#include <string>
#include <vector>

#include "command/node/node_programs.hpp"
#include "command/nvidia_toolkit/toolkit_options.hpp"

namespace nvhook {

/// The directory of the programs.
[[nodiscard]] std::string toolkit_directory(const ToolkitOptions& options);
/// The hook's configuration, which the wrappers name.
[[nodiscard]] std::string toolkit_settings_path(const ToolkitOptions& options);
[[nodiscard]] std::string toolkit_settings(const ToolkitOptions& options);

/// The programs under the names that NVIDIA's container gives them: `NAME.real` behind a script of
/// the shell that names the configuration. A runtime's script starts the low-level runtime as long
/// as there is no driver.
[[nodiscard]] std::vector<NodeProgram> toolkit_programs(const ToolkitOptions& options);

/// A definition of the hook for CRI-O.
[[nodiscard]] std::string toolkit_hook_definition(const ToolkitOptions& options);

}  // namespace nvhook
