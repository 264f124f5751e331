// SPDX-License-Identifier: Apache-2.0
// Brings what one container that runs has of the driver up to date: the run of the hook, in the
// place of what is stale.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "command/attach/holders.hpp"
#include "command/attach/live_container.hpp"
#include "command/containers/stale_driver.hpp"
#include "command/engines/host_config.hpp"
#include "command/shell/command.hpp"
#include "host/host_facts.hpp"
#include "plan/plan.hpp"
#include "text/note.hpp"

namespace nvhook {

/// What apply_refresh() would do.
struct Refreshment {
  HostFacts host;
  StaleDriver stale = {};
  /// In the place of `stale`, what the container lacks of today's plan.
  Plan steps = {};
  /// Devices of the plan that its device cgroup denies, and those of before that it allows.
  std::vector<DeviceRule> denied = {};
  std::vector<DeviceRule> withdrawn = {};
  /// `GPU 1 (GPU-…)`: what it has afterwards.
  std::vector<std::string> devices = {};
  /// What to record, if a device of its record is gone from the host.
  std::optional<AttachedDevices> after = {};
  /// Whether it has anything of the driver, or asks for it.
  bool has_driver = false;
  /// Nothing is stale or missing.
  bool is_complete = true;
};

/// Makes the plan. Changes nothing. Throws what find_wanted and plan_container throw, and
/// Error(cgroup_denied) if device rules were to change in a cgroup that is not known to be this
/// container's alone.
[[nodiscard]] Refreshment plan_refresh(const LiveContainer& container, const HostConfig& config,
                                       CommandContext& context);

/// Returns the processes of the container that use what is stale.
[[nodiscard]] std::vector<Holder> holders_of_stale(const Refreshment& refreshment,
                                                   const LiveContainer& container,
                                                   const RootDir& system);

/// Applies the steps: all of them or none. Afterwards this process is in the container's mount
/// namespace and can start no other one. Returns what was decided while applying. Throws what
/// apply_confined throws.
Notes apply_refresh(const Refreshment& refreshment, const LiveContainer& container,
                    CommandContext& context);

}  // namespace nvhook
