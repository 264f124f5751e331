// SPDX-License-Identifier: Apache-2.0
// The commands of the hook role, and the hook's main sequence: read state and configuration, plan,
// apply.
#pragma once

#include <string>

#include "config/config.hpp"
#include "inject/audit.hpp"
#include "inject/container_stage.hpp"
#include "oci_hook/options.hpp"
#include "os/log.hpp"
#include "os/process_setup.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// What a report of the outcome needs. Filled step by step, so that it is there when a step throws.
struct HookContext {
  const CallerContext& caller;
  const RootDir& system;  ///< the host's root
  Log log = {};
  std::string container_id = {};
  HookLocation location = HookLocation::outside;
  Audit audit = Audit();
  /// Whether a container waits for the result. If none does (a dry run, a question of the version),
  /// only the caller is told of a failure: the record of the last one is of a container.
  bool is_for_container = true;
};

/// Reads the configuration files that can be trusted at context.location, and opens the log and
/// the audit that they name. Throws what load_config throws.
[[nodiscard]] Config read_config(const Options& options, HookContext& context);

/// Reads the state from standard input and injects the driver if the container asks for it: all of
/// it, or nothing and an Error. With -dry-run prints the plan on standard output and changes
/// nothing.
void run_hook(const Options& options, HookContext& context);

/// Reads a config.json from standard input and prints it, edited if its container asks for the
/// driver. Throws Error.
void run_precreate(const Options& options, HookContext& context);

/// Loads the driver's kernel modules, unless the configuration forbids that, and makes all of its
/// device nodes on this host. Prints a line for each thing that it made. Returns the exit status:
/// for each thing that could not be made it prints an error line and goes on. Throws Error if
/// nothing can be made at all.
[[nodiscard]] int run_create_device_nodes(const Options& options, HookContext& context);

/// Removes the hook's drop-ins of systemd scopes that are gone, and prints a line for each. Throws
/// Error.
void run_remove_drop_ins(HookContext& context);

}  // namespace nvhook
