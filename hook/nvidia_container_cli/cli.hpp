// SPDX-License-Identifier: Apache-2.0
// The commands of nvidia-container-cli and their shared context.
#pragma once

#include "config/config.hpp"
#include "inject/audit.hpp"
#include "nvidia_container_cli/cli_options.hpp"
#include "os/log.hpp"
#include "os/process_setup.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

struct CliContext {
  const CallerContext& caller;
  const RootDir& system;  ///< the host's root
  Log log = {};
  Audit audit = Audit("nvidia-container-cli");
};

// Each of these throws Error.

/// Reads the configuration files as the hook does and puts the options over them. NVIDIA's program
/// does some things only if an option asks for them, and so does this one: load kernel modules, use
/// or ignore the image's CUDA libraries, leave the device cgroup alone. Opens the debug log.
[[nodiscard]] Config read_cli_config(const CliOptions& options, CliContext& context);

/// Returns `path` unchanged if it is absolute, otherwise below the directory that the program was
/// started in.
[[nodiscard]] std::string absolute_path(const std::string& path, const CliContext& context);

void print_info(const CliOptions& options, const Config& config, CliContext& context);
void print_list(const CliOptions& options, const Config& config, CliContext& context);
void configure(const CliOptions& options, const Config& config, CliContext& context);

}  // namespace nvhook
