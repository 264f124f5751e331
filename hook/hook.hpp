// SPDX-License-Identifier: Apache-2.0
// The whole straight line: state and configuration in, a container with its GPUs out.
#pragma once

#include <string>

#include "options.hpp"
#include "system/container_stage.hpp"
#include "system/log.hpp"
#include "system/process_setup.hpp"
#include "system/root_dir.hpp"

namespace nvhook {

/// What the outcome is reported with; filled as it becomes known, so that it also tells of a run
/// that threw.
struct HookContext {
  const CallerContext& caller;
  const RootDir& system;  ///< the host's root
  Log log = {};
  std::string container_id = {};
  Place place = Place::outside;
};

/// Reads the state from standard input and does what the container asks for: nothing, or
/// everything. A dry run prints the plan on standard output. Throws Error.
void run_hook(const Options& options, HookContext& context);

}  // namespace nvhook
