// SPDX-License-Identifier: Apache-2.0
// The runtimes of CRI-O: what a new one must have in common with the default runtime, so that CRI-O
// starts. Keys: crio.conf(5), table `crio.runtime.runtimes`.
#pragma once

#include <string>
#include <vector>

#include "command/engines/engine_config.hpp"

namespace nvhook {

/// The directory that CRI-O's own packages put conmon, runc and crun into; it is on no PATH.
inline constexpr const char* kCrioPrograms = "/usr/libexec/crio";

/// Returns the lines of the default runtime's table that another runtime in front of the same
/// program needs, too: how it is monitored (`monitor_path`, …), where its state is, what pods may
/// ask it for. `files` are in the order in which CRI-O reads them; of tables with the same name
/// only the last counts. Empty if no file has a table for the default runtime. Throws
/// Error(config_invalid), with file, line and column, for a file that is not TOML.
[[nodiscard]] std::vector<std::string> crio_runtime_settings(const std::vector<NamedText>& files);

/// Returns whether CRI-O would look for `conmon` on its PATH for the runtime `name`, and not start
/// if it is not there: neither the runtime's table nor `[crio.runtime] conmon` names a program.
/// False if there is no such runtime. Throws as above.
[[nodiscard]] bool needs_conmon_on_path(const std::vector<NamedText>& files,
                                        const std::string& name);

}  // namespace nvhook
