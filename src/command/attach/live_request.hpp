// SPDX-License-Identifier: Apache-2.0
// What a container that runs is to have, as the request of a start; and what it has.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "command/attach/live_container.hpp"
#include "command/containers/container_driver.hpp"
#include "command/engines/host_config.hpp"
#include "config/capability.hpp"
#include "config/config.hpp"
#include "host/gpu/gpu_selection.hpp"
#include "host/host_facts.hpp"
#include "oci/container_spec.hpp"
#include "plan/container_task.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// The option with which `attach`, `detach` and `refresh` only show what they would do.
inline constexpr const char* kDryRunOption = "dry-run";

/// Throws Error(namespace_denied) if `config` is that of a host below --host-root, whose containers
/// do not run here.
void require_own_host(const HostConfig& config, const std::string& command);

/// Throws Error(mount_failed) on a kernel without the calls that mount by descriptor.
void require_mount_calls();

/// Returns the task of a container that was started with `devices`, and with `capabilities` in
/// addition to those of its config.json. Throws what derive_request throws, and
/// Error(invalid_request) if no device is named.
[[nodiscard]] ContainerTask live_task(const LiveContainer& container, const std::string& devices,
                                      const std::string& capabilities, const Config& config);

/// Returns those of `rules` that the container's device cgroup denies; it has `granted` already.
[[nodiscard]] std::vector<DeviceRule> denied_of(const LiveContainer& container,
                                                const std::vector<DeviceRule>& rules,
                                                const std::vector<DeviceRule>& granted,
                                                const RootDir& system, const RootDir& driver);

/// Throws Error(cgroup_denied) if `rules`, which are to be changed, are in a device cgroup that is
/// not known to be this container's alone.
void require_own_cgroup(const LiveContainer& container, const std::vector<DeviceRule>& rules);

/// Returns the driver's nodes that are in the container and that its device cgroup lets it use. It
/// may have made nodes itself, which it may not use.
[[nodiscard]] std::vector<SpecNode> nodes_it_has(const LiveContainer& container,
                                                 const ContainerDriver& has, const HostFacts& host,
                                                 const RootDir& system);

/// Returns a rule for each node.
[[nodiscard]] std::vector<DeviceRule> rules_of(const std::vector<SpecNode>& nodes);

/// `GPU 1 (GPU-…)`, `MIG device …`.
[[nodiscard]] std::vector<std::string> names_of(const SelectedDevices& selected);

}  // namespace nvhook
