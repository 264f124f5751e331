// SPDX-License-Identifier: Apache-2.0
// The CDI specifications of a host, as engines find them.
#pragma once

#include <string>
#include <vector>

#include "cdi/cdi_entries.hpp"
#include "cdi/cdi_findings.hpp"
#include "command/shell/command.hpp"

namespace nvhook {

/// Adds --spec-dir.
void add_spec_dir_option(boost::program_options::options_description& options);

/// The directories that --spec-dir names, in ascending priority; without it those of every engine:
/// /etc/cdi and /var/run/cdi.
[[nodiscard]] std::vector<std::string> spec_dirs(const OptionValues& values);

/// All files `*.json` and `*.yaml` in `directories` below `system`; those of the last directory
/// have the highest priority. A file that is no specification has an error in its place.
[[nodiscard]] std::vector<CdiFile> read_cdi_files(const RootDir& system,
                                                  const std::vector<std::string>& directories);

/// `path` as seen from the host's root, if it is relative to where this program was started.
[[nodiscard]] std::string path_from_caller(const std::string& path, const CommandContext& context);

/// The file at `path`. Throws Error(config_unreadable).
[[nodiscard]] CdiFile read_cdi_file(const RootDir& system, const std::string& path);

/// What is at these paths below `system` now.
[[nodiscard]] CdiPaths look_at(const RootDir& system, const std::set<std::string>& paths);

}  // namespace nvhook
