// SPDX-License-Identifier: Apache-2.0
// A request counts more than what is there: after a change of MIG devices, only it tells which of
// the new ones the container is to have.
#include "command/refresh/wanted.hpp"

#include <algorithm>

#include "command/attach/live_request.hpp"
#include "command/containers/container_lookup.hpp"
#include "command/containers/root_request.hpp"
#include "host/gpu/gpu_selection.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

/// What attach and detach made of it counts more than what it was started with.
std::optional<ContainerTask> asked_for(const LiveContainer& container, const Config& config) {
  if (const auto changed = container.changes->read()) {
    if (changed->devices.empty()) return std::nullopt;
    return live_task(container, join(changed->devices, ","), changed->capabilities,
                     config_for_root(config));
  }
  if (!container.spec) return std::nullopt;
  ContainerTask task = derive_task_to_show(container.config_json, *container.spec, config);
  const bool is_by_us =
      task.injector == Injector::this_hook || task.injector == Injector::completing_hook;
  return is_by_us && task.request.request ? std::optional(std::move(task)) : std::nullopt;
}

HostFacts read_all_of_host(const DeviceSelection& devices, const HostConfig& config,
                           CommandContext& context) {
  const Request everything{
      .devices = devices,
      .capabilities = CapabilitySet::all(),
      .mig_config = true,
      .mig_monitor = true,
      .features = {.gds = true, .mofed = true, .gdrcopy = true, .nvswitch = true}};
  return read_host(everything, config.seen_from_here, context.system, context.log);
}

bool exists(const std::string& name, const Inventory& inventory) {
  try {
    static_cast<void>(select_devices(DeviceNames{name}, inventory));
    return true;
  } catch (const Error& error) {
    if (error.code() != Code::unknown_device) throw;
    return false;
  }
}

void leave_out_gone(Wanted& wanted, const ContainerRecord& record) {
  auto* const names = std::get_if<DeviceNames>(&wanted.task.request.request->devices);
  if (names == nullptr) return;
  std::vector<std::string> gone;
  std::erase_if(*names, [&](const std::string& name) {
    if (exists(name, wanted.host.inventory)) return false;
    gone.push_back(name);
    return true;
  });
  if (gone.empty()) return;
  if (names->empty()) {
    throw Error(
        Code::unknown_device,
        "the host has no device any more that " + describe(record) + " has: " + join(gone, ", "),
        "give it one that there is (oci-nvidia list, oci-nvidia attach), then refresh it");
  }
  for (const std::string& name : gone) {
    wanted.notes.push_back(warning("the host has no `" + name + "` any more: it is left out"));
  }
}

/// The nodes of today for those that it has, by their paths, as far as it may use those.
GrantedNodes nodes_it_had(const LiveContainer& container, const ContainerDriver& has,
                          const HostFacts& host, const RootDir& system) {
  std::vector<SpecNode> had;
  had.reserve(has.nodes.size());
  for (const ContainerNode& node : has.nodes) had.push_back({node.path, node.number});
  const auto denied = denied_of(container, rules_of(had), {}, system, host.driver_root);
  GrantedNodes nodes;
  for (const DeviceNode& node : host.inventory.nodes) {
    const bool is_had = std::any_of(had.begin(), had.end(), [&](const SpecNode& one) {
      return one.path == node.file.path.str() &&
             std::none_of(denied.begin(), denied.end(),
                          [&](const DeviceRule& rule) { return rule.device == one.number; });
    });
    if (is_had) nodes.nodes.push_back({node.file.path.str(), node.number});
  }
  return nodes;
}

}  // namespace

CapabilitySet capabilities_of(const std::vector<MountedFile>& files) {
  using enum Capability;
  CapabilitySet found;
  for (const MountedFile& file : files) {
    const CapabilitySet all = file.component->capabilities;
    const bool is_shared = all.contains(compute) && all.contains(graphics);
    if (is_shared) continue;
    for (const Capability one : {utility, ngx, compute, graphics, video, display}) {
      if (!all.contains(one)) continue;
      found.insert(one);
      break;
    }
  }
  return found;
}

Wanted find_wanted(const LiveContainer& container, const ContainerDriver& has,
                   const HostConfig& config, CommandContext& context) {
  auto asked = asked_for(container, config.as_written.config);
  const DeviceSelection devices =
      asked ? asked->request.request->devices : DeviceSelection(AllDevices{});
  Wanted wanted{.host = read_all_of_host(devices, config, context)};
  if (asked) {
    wanted.task = *std::move(asked);
    wanted.is_asked_for = true;
    leave_out_gone(wanted, container.record);
    return wanted;
  }
  const std::string capabilities = to_string(capabilities_of(has.files));
  wanted.task =
      live_task(container, "all", capabilities, config_for_root(config.as_written.config));
  wanted.task.request.request->devices = nodes_it_had(container, has, wanted.host, context.system);
  return wanted;
}

}  // namespace nvhook
