// SPDX-License-Identifier: Apache-2.0
// Keeps a container's GPUs over an update of its resources.
#pragma once

#include <string>
#include <vector>

#include "oci/made_container.hpp"
#include "oci/runtime_command.hpp"
#include "os/process_setup.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// Returns the arguments with which the runtime updates the resources of `container` and takes none
/// of the devices away that its config.json has (keep_devices). If they change, or if they came on
/// standard input, the resources are on standard input afterwards; no file is changed. A file that
/// cannot be read or makes no sense is left to the runtime, which reports it. Throws
/// Error(spec_unreadable) if standard input cannot be read, and Error(internal).
[[nodiscard]] std::vector<std::string> keep_devices_over_update(const RuntimeCommand& command,
                                                                const MadeContainer& container,
                                                                const CallerContext& caller,
                                                                const RootDir& system,
                                                                std::vector<std::string> arguments);

}  // namespace nvhook
