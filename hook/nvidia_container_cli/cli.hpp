// SPDX-License-Identifier: Apache-2.0
// The commands of nvidia-container-cli.
#pragma once

#include "config/config.hpp"
#include "nvidia_container_cli/cli_options.hpp"
#include "os/log.hpp"
#include "os/process_setup.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

struct CliContext {
  const CallerContext& caller;
  const RootDir& system;  ///< the host's root
  Log log = {};
};

// Each throws Error.

/// The configuration files as the hook reads them, with the options over them. What the reference's
/// program does only when an option says so, it does here too only then: to load modules, to use
/// the image's CUDA libraries or not, to leave the device cgroup alone. Opens the log.
[[nodiscard]] Config read_cli_config(const CliOptions& options, CliContext& context);

/// `path`, if it is relative, below the directory that the program was started in.
[[nodiscard]] std::string absolute_path(const std::string& path, const CliContext& context);

void print_info(const CliOptions& options, const Config& config, CliContext& context);
void print_list(const CliOptions& options, const Config& config, CliContext& context);
void configure(const CliOptions& options, const Config& config, CliContext& context);

}  // namespace nvhook
