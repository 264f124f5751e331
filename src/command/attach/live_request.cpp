// SPDX-License-Identifier: Apache-2.0
// The permission of the kernel tells what a container has: its own files do not.
#include "command/attach/live_request.hpp"

#include <algorithm>
#include <iterator>

#include "command/containers/root_request.hpp"
#include "inject/device_grant.hpp"
#include "os/device_number.hpp"
#include "os/refused_calls.hpp"
#include "text/error.hpp"

namespace nvhook {
void require_own_host(const HostConfig& config, const std::string& command) {
  if (config.is_ours) return;
  throw Error(Code::namespace_denied, "containers of a host below --host-root do not run here",
              "call oci-nvidia " + command + " on that host, or chroot into its root");
}

void require_mount_calls() {
  if (!is_mount_api_refused()) return;
  throw Error(Code::mount_failed, "this kernel has not the calls that mount by descriptor",
              "run Linux 5.12 or later, or restart the container with the devices");
}

ContainerTask live_task(const LiveContainer& container, const std::string& devices,
                        const std::string& capabilities, const Config& config) {
  return task_for_devices(container.config_json, container.spec ? &*container.spec : nullptr,
                          devices, capabilities, config);
}

std::vector<DeviceRule> rules_of(const std::vector<SpecNode>& nodes) {
  std::vector<DeviceRule> rules;
  for (const SpecNode& node : nodes) {
    if (node.number) rules.push_back({.device = *node.number, .node = HostPath(node.path)});
  }
  return rules;
}

std::vector<DeviceRule> denied_of(const LiveContainer& container,
                                  const std::vector<DeviceRule>& rules,
                                  const std::vector<DeviceRule>& granted, const RootDir& system,
                                  const RootDir& driver) {
  DeviceGrant grant(system, driver, container.config_json);
  grant.keep_granted(granted);
  grant.prepare(container.process->cgroup_text(), rules);
  const std::vector<DeviceNumber> missing = grant.missing();
  std::vector<DeviceRule> denied;
  std::copy_if(rules.begin(), rules.end(), std::back_inserter(denied), [&](const auto& rule) {
    return std::binary_search(missing.begin(), missing.end(), rule.device);
  });
  return denied;
}

std::vector<SpecNode> nodes_it_has(const LiveContainer& container, const ContainerDriver& has,
                                   const HostFacts& host, const RootDir& system) {
  std::vector<SpecNode> nodes;
  for (const ContainerNode& one : has.nodes) {
    const auto is_it = [&](const DeviceNode& node) {
      return node.file.path.str() == one.path && node.number == one.number;
    };
    const auto& known = host.inventory.nodes;
    if (std::any_of(known.begin(), known.end(), is_it)) nodes.push_back({one.path, one.number});
  }
  const auto denied = denied_of(container, rules_of(nodes), {}, system, host.driver_root);
  std::erase_if(nodes, [&](const SpecNode& node) {
    return std::any_of(denied.begin(), denied.end(),
                       [&](const DeviceRule& rule) { return rule.device == node.number; });
  });
  return nodes;
}

void require_own_cgroup(const LiveContainer& container, const std::vector<DeviceRule>& rules) {
  if (rules.empty() || container.has_own_cgroup || !container.record.user.empty()) return;
  throw Error(Code::cgroup_denied,
              "the device cgroup of process " + std::to_string(container.record.pid) +
                  ", which decides on " + to_rule(rules.front().device) +
                  ", is not known to be that of one container alone",
              "name a container of an engine, by its name or id");
}

std::vector<std::string> names_of(const SelectedDevices& selected) {
  std::vector<std::string> names;
  for (const Gpu& gpu : selected.gpus) {
    names.push_back("GPU " + std::to_string(gpu.index) +
                    (gpu.uuid.empty() ? "" : " (" + gpu.uuid + ")"));
  }
  for (const MigDevice& device : selected.mig_devices) {
    names.push_back("MIG device " + to_string(device));
  }
  return names;
}

}  // namespace nvhook
