// SPDX-License-Identifier: Apache-2.0
// Gives devices to one container that runs: the run of the hook, less what the container has.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "command/attach/live_container.hpp"
#include "command/engines/host_config.hpp"
#include "command/shell/command.hpp"
#include "config/capability.hpp"
#include "host/host_facts.hpp"
#include "lease/leasing.hpp"
#include "plan/plan.hpp"
#include "text/note.hpp"

namespace nvhook {

/// What is to be given.
struct AttachRequest {
  /// As in NVIDIA_VISIBLE_DEVICES: `1`, `GPU-…`, `0:1`, `all`; names by CDI, too.
  std::string devices = {};
  /// In addition to those of the container's config.json; nullopt: no others.
  std::optional<CapabilitySet> capabilities = {};
  /// Only to look: no lease is taken.
  bool is_dry_run = false;
};

/// What apply_attachment() would do.
struct Attachment {
  HostFacts host;
  /// What the container lacks of the plan for the devices that it has and the new ones.
  Plan steps = {};
  /// Devices of the plan that its device cgroup denies.
  std::vector<DeviceRule> denied = {};
  /// `GPU 1 (GPU-…)`, `MIG device 0:1 (MIG-…)`: what was asked for.
  std::vector<std::string> devices = {};
  /// On the new devices; to be kept when the container has them.
  TakenLease lease = {};
  /// All that it has afterwards, for its record.
  AttachedDevices after = {};

  [[nodiscard]] bool is_complete() const {
    return steps.tmpfs.empty() && steps.mounts.empty() && denied.empty();
  }
};

/// Takes a lease (take_lease) and makes the plan. Changes nothing else. Throws what take_lease and
/// plan_container throw, Error(cgroup_denied) if the devices are denied by a cgroup that is not
/// known to be this container's alone, and Error(driver_version_mismatch) if the container has
/// files of another driver.
[[nodiscard]] Attachment plan_attachment(const LiveContainer& container,
                                         const AttachRequest& request, const HostConfig& config,
                                         CommandContext& context);

/// Applies the steps: all of them or none. Afterwards this process is in the container's mount
/// namespace and can start no other one. Returns what was decided while applying. Throws what
/// apply_confined throws.
Notes apply_attachment(const Attachment& attachment, const LiveContainer& container,
                       CommandContext& context);

}  // namespace nvhook
