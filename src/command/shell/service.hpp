// SPDX-License-Identifier: Apache-2.0
// Asks systemd to restart an engine.
#pragma once

#include <string>
#include <vector>

#include "os/root_dir.hpp"

namespace nvhook {

/// Runs /usr/bin/systemctl and waits for its end. `words` are its arguments, with its name as the
/// first. `runtime_directory` is XDG_RUNTIME_DIR, which `--user` needs to find the user's systemd.
/// Throws Error(engine_restart_failed) with what systemctl printed.
void run_systemctl(const RootDir& system, const std::vector<std::string>& words,
                   const std::string& runtime_directory);

}  // namespace nvhook
