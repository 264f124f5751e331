// SPDX-License-Identifier: Apache-2.0
// Restarts a node's engine from a container: by systemd's socket, or by a signal.
#pragma once

#include <string>
#include <vector>

#include "os/root_dir.hpp"

namespace nvhook {

/// Has systemd restart the first of `units` that is active, and waits until it has. Returns false,
/// with the reason in `why_not`, if there is no systemd or none of the units. Throws
/// Error(engine_restart_failed) if the restart fails.
[[nodiscard]] bool restart_by_systemd(const std::vector<std::string>& units, const RootDir& root,
                                      std::string& why_not);

/// Sends SIGHUP to the process that listens at the socket, whose number must be of this process's
/// namespace (`hostPID`). Throws Error(engine_restart_failed).
void signal_engine(const std::string& socket, const RootDir& root);

}  // namespace nvhook
