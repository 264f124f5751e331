// SPDX-License-Identifier: Apache-2.0
// What goes is the difference of two plans: for what the container has, and for what remains.
#include "command/attach/detaching.hpp"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "command/attach/live_request.hpp"
#include "command/attach/search_path.hpp"
#include "command/containers/root_request.hpp"
#include "command/containers/stale_driver.hpp"
#include "command/render/mount_table.hpp"
#include "inject/applied_steps.hpp"
#include "inject/apply_plan.hpp"
#include "lease/holder.hpp"
#include "lease/leasing.hpp"
#include "lease/registry.hpp"
#include "plan/run.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

bool has(const std::vector<Gpu>& gpus, unsigned minor) {
  return std::any_of(gpus.begin(), gpus.end(), [&](const Gpu& gpu) { return gpu.minor == minor; });
}

bool has_device_of(const std::vector<MigDevice>& devices, unsigned gpu_minor) {
  return std::any_of(devices.begin(), devices.end(),
                     [&](const MigDevice& device) { return device.gpu_minor == gpu_minor; });
}

/// Returns what of `had` remains without `named`. A MIG device names its GPU, too, which goes only
/// with the last of its devices; a GPU that is named alone goes with all of them.
SelectedDevices without(const SelectedDevices& had, const SelectedDevices& named) {
  const auto is_whole = [&](unsigned minor) {
    return has(named.gpus, minor) && !has_device_of(named.mig_devices, minor);
  };
  SelectedDevices rest;
  for (const MigDevice& device : had.mig_devices) {
    const bool is_named = std::find(named.mig_devices.begin(), named.mig_devices.end(), device) !=
                          named.mig_devices.end();
    if (!is_named && !is_whole(device.gpu_minor)) rest.mig_devices.push_back(device);
  }
  for (const Gpu& gpu : had.gpus) {
    const bool keeps = !has(named.gpus, gpu.minor) || has_device_of(rest.mig_devices, gpu.minor);
    if (keeps) rest.gpus.push_back(gpu);
  }
  return rest;
}

/// Returns what of `named` the container has.
SelectedDevices common(const SelectedDevices& had, const SelectedDevices& named) {
  SelectedDevices both;
  for (const Gpu& gpu : had.gpus) {
    const bool is_parent = has_device_of(named.mig_devices, gpu.minor);
    if (has(named.gpus, gpu.minor) && !is_parent) both.gpus.push_back(gpu);
  }
  for (const MigDevice& device : had.mig_devices) {
    const auto& all = named.mig_devices;
    if (std::find(all.begin(), all.end(), device) != all.end()) both.mig_devices.push_back(device);
  }
  return both;
}

/// Returns the names of `names` that do not only name what `named` has.
std::vector<std::string> names_without(std::vector<std::string> names, const SelectedDevices& named,
                                       const Inventory& inventory) {
  std::erase_if(names, [&](const std::string& name) {
    try {
      const SelectedDevices its = select_devices(DeviceNames{name}, inventory);
      const bool is_mig = !its.mig_devices.empty();
      const SelectedDevices rest = without(its, named);
      return is_mig ? rest.mig_devices.empty() : rest.gpus.empty();
    } catch (const Error& error) {
      if (error.code() != Code::unknown_device) throw;
      return false;  // it is gone from the host
    }
  });
  return names;
}

/// Whether what remains needs `node`.
bool is_needed(const DeviceNode& node, const SelectedDevices& rest, const Inventory& inventory) {
  if (rest.gpus.empty()) return false;
  if (node.role == DeviceRole::gpu || node.role == DeviceRole::drm) {
    return has(rest.gpus, node.gpu_minor);
  }
  if (node.role != DeviceRole::mig) return true;
  return std::any_of(inventory.mig_capabilities.begin(), inventory.mig_capabilities.end(),
                     [&](const MigCapability& capability) {
                       if (capability.minor != node.number.minor) return false;
                       if (capability.role != MigCapability::Role::instance) return true;
                       return std::any_of(
                           rest.mig_devices.begin(), rest.mig_devices.end(),
                           [&](const MigDevice& device) { return opens(capability, device); });
                     });
}

struct NodeSplit {
  std::vector<SpecNode> kept = {};
  std::vector<SpecNode> removed = {};
};

NodeSplit split(const std::vector<SpecNode>& nodes, const SelectedDevices& rest,
                const Inventory& inventory) {
  NodeSplit parts;
  for (const SpecNode& one : nodes) {
    const auto node =
        std::find_if(inventory.nodes.begin(), inventory.nodes.end(),
                     [&](const DeviceNode& known) { return known.file.path.str() == one.path; });
    const bool keeps = node != inventory.nodes.end() && is_needed(*node, rest, inventory);
    (keeps ? parts.kept : parts.removed).push_back(one);
  }
  return parts;
}

/// Returns what is of a driver that the host has no longer. Its nodes are removed, too.
StaleDriver find_stale(const LiveContainer& container, const ContainerDriver& driver,
                       const Inventory& today, NodeSplit& parts) {
  StaleDriver stale = find_stale_driver(*container.root, driver, today,
                                        container.spec ? &*container.spec : nullptr);
  for (const ContainerNode& node : stale.nodes) parts.removed.push_back({node.path, node.number});
  return stale;
}

/// Returns what is to be recorded.
AttachedDevices what_remains(const LiveContainer& container, const SelectedDevices& rest,
                             const SelectedDevices& named, const Inventory& inventory) {
  const auto before = container.changes->read();
  if (!before) return {.devices = lasting_names(rest)};
  return {.devices = names_without(before->devices, named, inventory),
          .capabilities = before->capabilities,
          .search_path = rest.gpus.empty() ? std::vector<std::string>() : before->search_path};
}

bool is_on_any(const std::vector<TmpfsMount>& mounts, const ContainerPath& path) {
  return std::any_of(mounts.begin(), mounts.end(), [&](const TmpfsMount& mount) {
    return path.str().starts_with(mount.target.str() + "/");
  });
}

void remove_nodes(const std::vector<SpecNode>& nodes, Plan& steps) {
  for (const SpecNode& node : nodes) {
    steps.removals.push_back(
        {.kind = Removal::Kind::node, .path = ContainerPath(node.path), .device = *node.number});
  }
}

/// Of a GPU's nodes below /dev/dri; what `rest` still has stays.
void remove_device_links(const Plan& all, const Plan& rest, Plan& steps) {
  for (const Symlink& link : all.symlinks) {
    if (!link.link.str().starts_with("/dev/")) continue;
    const bool stays = std::any_of(rest.symlinks.begin(), rest.symlinks.end(),
                                   [&](const Symlink& other) { return other.link == link.link; });
    if (stays) continue;
    steps.removals.push_back(
        {.kind = Removal::Kind::link, .path = link.link, .link_target = link.target});
  }
}

/// Removes all files of `plan`, and what makes the loader find them.
void remove_driver(const Plan& plan, Plan& steps) {
  std::set<ContainerPath> gone;
  for (const Symlink& link : plan.symlinks) {
    if (is_on_any(plan.tmpfs, link.link) || link.link.str().starts_with("/dev/")) continue;
    steps.removals.push_back(
        {.kind = Removal::Kind::link, .path = link.link, .link_target = link.target});
    gone.insert(link.link);
  }
  for (const BindMount& mount : plan.mounts) {
    gone.insert(mount.target);
    const bool is_node = mount.type == SourceType::character_device;
    if (is_node || is_on_any(plan.tmpfs, mount.target)) continue;
    steps.removals.push_back({.path = mount.target, .source = mount.source});
  }
  for (const TmpfsMount& mount : plan.tmpfs) {
    if (mount.entries.empty()) continue;
    steps.removals.push_back(
        {.kind = Removal::Kind::tmpfs, .path = mount.target, .mark = mount.entries.front().path});
  }
  for (const LoaderEntry& entry : plan.loader_entries) {
    const bool is_on_private = is_on_any(plan.tmpfs, entry.path);
    if (gone.contains(entry.path) || is_on_private) steps.stale_loader_entries.push_back(entry);
  }
}

/// Removes what the host has no longer, so that no plan of today has it.
void remove_stale(const StaleDriver& stale, const Plan& today, Plan& steps) {
  for (const StaleMount& mount : stale.mounts) {
    const ContainerPath path(mount.target);
    if (is_on_any(today.tmpfs, path)) continue;
    steps.removals.push_back({.kind = Removal::Kind::stale, .path = path, .shown = mount.shown});
  }
  for (const Symlink& link : stale.links) {
    steps.removals.push_back(
        {.kind = Removal::Kind::link, .path = link.link, .link_target = link.target});
  }
  for (const LoaderEntry& entry : stale.cached) {
    const auto& known = steps.stale_loader_entries;
    if (std::find(known.begin(), known.end(), entry) != known.end()) continue;
    steps.stale_loader_entries.push_back(entry);
  }
}

/// Adds the views of /proc and the like with the devices that remain, where there are such views.
void change_views(const Plan& rest, const LiveContainer& container, const HostFacts& host,
                  const RootDir& system, Plan& steps) {
  Plan lacking = without_applied(rest, *container.root, system, host.driver_root);
  const auto mounts = parse_mount_table(container.process->mountinfo());
  std::erase_if(lacking.tmpfs, [&](const TmpfsMount& view) {
    return std::none_of(mounts.begin(), mounts.end(),
                        [&](const MountEntry& entry) { return entry.target == view.target.str(); });
  });
  for (const BindMount& mount : lacking.mounts) {
    if (is_on_any(lacking.tmpfs, mount.target)) steps.mounts.push_back(mount);
  }
  steps.tmpfs = std::move(lacking.tmpfs);
}

/// Sets what is denied; `nodes`: all that the container has.
void withdraw(const NodeSplit& parts, const std::vector<SpecNode>& nodes,
              const LiveContainer& container, Detachment& detachment) {
  Plan& steps = detachment.steps;
  detachment.rules = rules_of(parts.removed);
  if (container.has_own_cgroup) {
    steps.withdrawn_rules = detachment.rules;
    steps.device_rules = rules_of(parts.kept);
    steps.granted_rules = rules_of(nodes);
  } else {
    steps.notes.push_back(
        warning("its device cgroup is not its own, and stays as it is: only the nodes are taken"));
  }
  remove_nodes(parts.removed, steps);
}

/// Removes all of the driver; `all`: the plan for what the container has.
void remove_all(const Plan& all, const StaleDriver& stale, const LiveContainer& container,
                Plan& steps) {
  remove_device_links(all, {}, steps);
  remove_driver(all, steps);
  remove_stale(stale, all, steps);
  if (const auto before = container.changes->read()) {
    take_away_lines(before->search_path, container, steps);
  }
}

}  // namespace

Detachment plan_detachment(const LiveContainer& container, const std::string& devices,
                           const HostConfig& host_config, CommandContext& context) {
  require_mount_calls();
  Config config = config_for_root(host_config.as_written.config);
  config.disable_require = true;  // what is taken away needs no driver
  const std::string every = to_string(config.supported_capabilities);
  ContainerTask task = live_task(container, devices, every, config);
  const OwnLayer layer = container.layer();
  const RunContext run{config, context.system, context.log};
  Planned planned = plan_container(task, layer.view(), run);
  const SelectedDevices named =
      select_devices(task.request.request->devices, planned.host.inventory);

  const auto mounts = parse_mount_table(container.process->mountinfo());
  const ContainerDriver driver = look_at_container(*container.root, mounts, nullptr);
  const auto nodes = nodes_it_has(container, driver, planned.host, context.system);
  const SelectedDevices had = select_devices(GrantedNodes{nodes}, planned.host.inventory);
  const SelectedDevices taken = common(had, named);
  Detachment detachment{.host = std::move(planned.host),
                        .devices = names_of(taken),
                        .leased = leased_devices(taken, false)};
  if (detachment.devices.empty()) return detachment;

  const SelectedDevices rest = without(had, named);
  detachment.after = what_remains(container, rest, named, detachment.host.inventory);
  detachment.is_last = rest.gpus.empty();
  NodeSplit parts = split(nodes, rest, detachment.host.inventory);
  StaleDriver stale;
  if (detachment.is_last) stale = find_stale(container, driver, detachment.host.inventory, parts);
  const auto plan_for = [&](std::vector<SpecNode> granted) {
    task.request.request->devices = GrantedNodes{std::move(granted)};
    return plan_container(task, layer.view(), run).plan;
  };
  const Plan all = plan_for(nodes);
  withdraw(parts, nodes, container, detachment);
  if (detachment.is_last) {
    remove_all(all, stale, container, detachment.steps);
  } else {
    const Plan remaining = plan_for(parts.kept);
    remove_device_links(all, remaining, detachment.steps);
    change_views(remaining, container, detachment.host, context.system, detachment.steps);
  }
  require_own_cgroup(container, detachment.rules);
  return detachment;
}

/// The registry is opened first: afterwards its path leads elsewhere.
Notes apply_detachment(const Detachment& detachment, const LiveContainer& container,
                       CommandContext& context) {
  const auto registry = LeaseRegistry::look();
  const auto holder =
      registry ? std::optional(describe_holder(container.process->pid(), "",
                                               container.process->cgroup_text(), context.system))
               : std::nullopt;
  const OwnLayer layer = container.layer();
  Notes notes =
      apply_confined(detachment.steps, *container.process, *container.root, layer, context.system,
                     detachment.host.driver_root, context.log, container.config_json);
  if (registry) release(detachment.leased, *holder, *registry);
  return notes;
}

}  // namespace nvhook
