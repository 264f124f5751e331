// SPDX-License-Identifier: Apache-2.0
// Plans for the devices that the container has and the new ones together, because both share one
// view of /proc/driver/nvidia.
#include "command/attach/attaching.hpp"

#include <algorithm>
#include <utility>

#include "command/containers/container_driver.hpp"
#include "command/containers/container_lookup.hpp"
#include "command/containers/staleness.hpp"
#include "command/render/mount_table.hpp"
#include "host/gpu/gpu_selection.hpp"
#include "inject/applied_steps.hpp"
#include "inject/apply_plan.hpp"
#include "inject/device_grant.hpp"
#include "os/refused_calls.hpp"
#include "plan/container_task.hpp"
#include "plan/run.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr const char* kDevices = "NVIDIA_VISIBLE_DEVICES";
constexpr const char* kCapabilities = "NVIDIA_DRIVER_CAPABILITIES";

/// The rules by which unprivileged containers are refused are for what an image asks for itself.
Config for_root(Config config) {
  config.accept_envvar_when_unprivileged = true;
  config.accept_volume_mounts = false;
  config.swarm_resources.clear();
  if (config.mode == RuntimeMode::cdi) config.mode = RuntimeMode::automatic;
  return config;
}

/// Returns the task of a container that was started with these devices.
ContainerTask task_for(const LiveContainer& container, const AttachRequest& request,
                       const Config& config) {
  ContainerTask task{.injector = Injector::this_hook, .config_json = container.config_json};
  if (container.spec) {
    task.spec = *container.spec;
    task.linux_spec = parse_linux_spec(container.config_json);
  }
  task.spec.environment[kDevices] = request.devices;
  if (request.capabilities) {
    std::string& words = task.spec.environment[kCapabilities];
    words += (words.empty() ? "" : ",") + to_string(*request.capabilities);
  }
  task.request = derive_request(task.spec, config);
  if (!task.request.request) {
    throw Error(Code::invalid_request, "`" + request.devices + "` names no device",
                "name GPUs or MIG devices as `oci-nvidia list` shows them, or `all`");
  }
  task.request.request->devices_source = "attach";
  return task;
}

std::vector<DeviceRule> rules_of(const std::vector<SpecNode>& nodes) {
  std::vector<DeviceRule> rules;
  for (const SpecNode& node : nodes) {
    if (node.number) rules.push_back({.device = *node.number, .node = HostPath(node.path)});
  }
  return rules;
}

/// Returns those of `rules` that the container's device cgroup denies.
std::vector<DeviceRule> denied_of(const LiveContainer& container,
                                  const std::vector<DeviceRule>& rules, const RootDir& system,
                                  const RootDir& driver) {
  DeviceGrant grant(system, driver);
  grant.prepare(container.process->cgroup_text(), rules);
  const std::vector<DeviceNumber> missing = grant.missing();
  std::vector<DeviceRule> denied;
  std::copy_if(rules.begin(), rules.end(), std::back_inserter(denied), [&](const auto& rule) {
    return std::binary_search(missing.begin(), missing.end(), rule.device);
  });
  return denied;
}

/// Returns the driver's nodes that are in the container and that its device cgroup lets it use. It
/// may have made nodes itself, which it may not use.
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
  const auto denied = denied_of(container, rules_of(nodes), system, host.driver_root);
  std::erase_if(nodes, [&](const SpecNode& node) {
    return std::any_of(denied.begin(), denied.end(),
                       [&](const DeviceRule& rule) { return rule.device == node.number; });
  });
  return nodes;
}

void add_nodes_of(const Plan& plan, std::vector<SpecNode>& nodes) {
  for (const BindMount& mount : plan.mounts) {
    if (mount.type != SourceType::character_device) continue;
    nodes.push_back({mount.source.path.str(), mount.device});
  }
}

void require_todays_driver(const LiveContainer& container, const ContainerDriver& has,
                           const Inventory& inventory) {
  const auto stale = std::find_if(has.files.begin(), has.files.end(), [&](const auto& file) {
    return !why_stale(file, &inventory).empty();
  });
  if (stale == has.files.end()) return;
  throw Error(Code::driver_version_mismatch,
              describe(container.record) + " has the driver of before: " + stale->target + " " +
                  why_stale(*stale, &inventory),
              "restart the container with the devices");
}

void require_own_cgroup(const LiveContainer& container, const Attachment& attachment) {
  if (attachment.denied.empty() || container.has_own_cgroup) return;
  throw Error(Code::cgroup_denied,
              "the device cgroup of process " + std::to_string(container.record.pid) + " denies " +
                  to_rule(attachment.denied.front().device) +
                  ", and is not known to be that of one container alone",
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

}  // namespace

Attachment plan_attachment(const LiveContainer& container, const AttachRequest& request,
                           const HostConfig& host_config, CommandContext& context) {
  if (is_mount_api_refused()) {
    throw Error(Code::mount_failed, "this kernel has not the calls that mount by descriptor",
                "run Linux 5.12 or later, or restart the container with the devices");
  }
  const Config config = for_root(host_config.as_written.config);
  ContainerTask task = task_for(container, request, config);
  const OwnLayer layer = container.layer();
  const RunContext run{config, context.system, context.log};
  Planned planned = plan_container(task, layer.view(), run);
  const auto selected = select_devices(task.request.request->devices, planned.host.inventory);

  const auto mounts = parse_mount_table(container.process->mountinfo());
  const ContainerDriver has = look_at_container(*container.root, mounts, nullptr);
  require_todays_driver(container, has, planned.host.inventory);
  GrantedNodes all{.nodes = nodes_it_has(container, has, planned.host, context.system)};
  if (!all.nodes.empty()) {
    add_nodes_of(planned.plan, all.nodes);
    task.request.request->devices = std::move(all);
    planned = plan_container(task, layer.view(), run);
  }
  Attachment attachment{.host = std::move(planned.host), .devices = names_of(selected)};
  attachment.steps =
      without_applied(planned.plan, *container.root, context.system, attachment.host.driver_root);
  attachment.denied =
      denied_of(container, planned.plan.device_rules, context.system, attachment.host.driver_root);
  attachment.whole = std::move(planned.plan);
  require_own_cgroup(container, attachment);
  return attachment;
}

Notes apply_attachment(const Attachment& attachment, const LiveContainer& container,
                       CommandContext& context) {
  const OwnLayer layer = container.layer();
  return apply_confined(attachment.steps, *container.process, *container.root, layer,
                        context.system, attachment.host.driver_root, context.log);
}

}  // namespace nvhook
