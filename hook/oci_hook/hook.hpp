// SPDX-License-Identifier: Apache-2.0
// The hook's main sequence: state and configuration in, a container with its GPUs out.
#pragma once

#include <string>

#include "config/config.hpp"
#include "inject/container_stage.hpp"
#include "oci_hook/options.hpp"
#include "os/log.hpp"
#include "os/process_setup.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// What the outcome is reported with; filled as it becomes known, so that it also tells of a run
/// that threw.
struct HookContext {
  const CallerContext& caller;
  const RootDir& system;  ///< the host's root
  Log log = {};
  std::string container_id = {};
  HookLocation location = HookLocation::outside;
};

/// The configuration as far as it may be believed at context.location; the log that it names is
/// opened.
[[nodiscard]] Config read_config(const Options& options, HookContext& context);

/// Reads the state from standard input and does what the container asks for: nothing, or
/// everything. A dry run prints the plan on standard output. Throws Error.
void run_hook(const Options& options, HookContext& context);

/// Reads a config.json from standard input and prints it, edited if its container asks for the
/// driver. Throws Error.
void run_precreate(const Options& options, HookContext& context);

/// Loads the driver's kernel modules, unless the configuration forbids that, and makes all of its
/// device nodes on this host. What was made is told on standard output, a line each. Returns the
/// exit status: what could not be made is an error line each, not an exception. Throws Error if
/// nothing can be made at all.
[[nodiscard]] int run_create_device_nodes(const Options& options, HookContext& context);

/// Removes the hook's drop-ins of systemd scopes that are gone, and tells each on standard output.
/// Throws Error.
void run_remove_drop_ins(HookContext& context);

}  // namespace nvhook
