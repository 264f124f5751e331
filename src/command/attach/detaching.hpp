// SPDX-License-Identifier: Apache-2.0
// Takes devices from one container that runs.
#pragma once

#include <string>
#include <vector>

#include "command/attach/live_container.hpp"
#include "command/engines/host_config.hpp"
#include "command/shell/command.hpp"
#include "host/host_facts.hpp"
#include "lease/lease.hpp"
#include "plan/plan.hpp"
#include "text/note.hpp"

namespace nvhook {

/// What apply_detachment() would do.
struct Detachment {
  HostFacts host;
  Plan steps = {};
  /// The devices that are taken; `steps` denies them only in a cgroup of the container's own.
  std::vector<DeviceRule> rules = {};
  /// `GPU 1 (GPU-…)`: of the devices that were named, those that the container has.
  std::vector<std::string> devices = {};
  std::vector<LeasedDevice> leased = {};  ///< the same, as a lease has them
  /// All that it has afterwards, for its record.
  AttachedDevices after = {};
  /// Whether it has no GPU afterwards, so that the driver goes, too.
  bool is_last = false;

  [[nodiscard]] bool is_complete() const { return devices.empty(); }
};

/// Makes the plan; `devices` as in NVIDIA_VISIBLE_DEVICES. Of what several devices share (nodes of
/// a GPU with several MIG devices) what the remaining ones need stays. Changes nothing. Throws what
/// plan_container throws, and Error(cgroup_denied) as plan_attachment.
[[nodiscard]] Detachment plan_detachment(const LiveContainer& container, const std::string& devices,
                                         const HostConfig& config, CommandContext& context);

/// Applies the steps: all of them or none; then the devices are no more in the container's lease.
/// Afterwards this process is in the container's mount namespace and can start no other one.
/// Returns what was decided while applying. Throws what apply_confined throws.
Notes apply_detachment(const Detachment& detachment, const LiveContainer& container,
                       CommandContext& context);

}  // namespace nvhook
