// SPDX-License-Identifier: Apache-2.0
// Tells systemd to restart an engine.
#pragma once

#include <string>
#include <vector>

#include "os/root_dir.hpp"

namespace nvhook {

/// Runs /usr/bin/systemctl with `words`, of which the first is its name, and waits for its end.
/// `runtime_directory` is XDG_RUNTIME_DIR, by which `--user` finds the user's systemd. Throws
/// Error(engine_restart_failed) with what systemctl said.
void run_systemctl(const RootDir& system, const std::vector<std::string>& words,
                   const std::string& runtime_directory);

}  // namespace nvhook
