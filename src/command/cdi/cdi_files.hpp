// SPDX-License-Identifier: Apache-2.0
// Reads the CDI specifications of a host in the directories in which engines look.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cdi/cdi_entries.hpp"
#include "cdi/cdi_findings.hpp"
#include "command/shell/command.hpp"

namespace nvhook {

/// The largest specification that is read, in bytes. One of a host with 64 GPUs with 7 MIG devices
/// each has some hundred KiB.
inline constexpr std::size_t kMaxCdiFile = 16UL << 20U;

/// Adds the option --spec-dir.
void add_spec_dir_option(boost::program_options::options_description& options);

/// Returns the directories that --spec-dir names, in ascending priority; without the option those
/// that every engine reads: /etc/cdi and /var/run/cdi.
[[nodiscard]] std::vector<std::string> spec_dirs(const OptionValues& values);

/// Reads all files `*.json` and `*.yaml` in `directories` below `system`; those of the last
/// directory have the highest priority. For a file that is not a valid specification the result has
/// its error instead of the specification.
[[nodiscard]] std::vector<CdiFile> read_cdi_files(const RootDir& system,
                                                  const std::vector<std::string>& directories);

/// Returns `path` as seen from the host's root. A relative path is taken from the directory in
/// which this program was started.
[[nodiscard]] std::string path_from_caller(const std::string& path, const CommandContext& context);

/// Reads the file at `path`. Throws Error(config_unreadable).
[[nodiscard]] CdiFile read_cdi_file(const RootDir& system, const std::string& path);

/// Looks up what is at these paths below `system` now.
[[nodiscard]] CdiPaths look_at(const RootDir& system, const std::set<std::string>& paths);

}  // namespace nvhook
