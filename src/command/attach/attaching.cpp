// SPDX-License-Identifier: Apache-2.0
// Plans for the devices that the container has and the new ones together, because both share one
// view of /proc/driver/nvidia.
#include "command/attach/attaching.hpp"

#include <algorithm>
#include <utility>

#include "command/attach/live_request.hpp"
#include "command/attach/search_path.hpp"
#include "command/containers/container_driver.hpp"
#include "command/containers/container_lookup.hpp"
#include "command/containers/root_request.hpp"
#include "command/containers/staleness.hpp"
#include "command/render/mount_table.hpp"
#include "host/gpu/gpu_selection.hpp"
#include "inject/applied_steps.hpp"
#include "inject/apply_plan.hpp"
#include "lease/holder.hpp"
#include "plan/container_task.hpp"
#include "plan/run.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

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
              "call oci-nvidia refresh for it first, or restart it with the devices");
}

TakenLease lease_for(Request& request, const LiveContainer& container, bool is_dry_run,
                     const RunContext& run) {
  if (!run.config.leases) return {};
  const ContainerProcess& process = *container.process;
  const LeaseOwner owner{.holder = describe_holder(process.pid(), container.record.id,
                                                   process.cgroup_text(), run.system),
                         .require_alive = [&] { process.require_alive(); },
                         .runs = true};
  if (!is_dry_run) return take_lease(request, owner, run);
  static_cast<void>(show_lease(request, run, owner));
  return {};
}

/// Those of earlier calls, and those that are asked for now.
std::string more_capabilities(const std::optional<AttachedDevices>& before,
                              const AttachRequest& request) {
  std::string words = before ? before->capabilities : "";
  if (request.capabilities) {
    words += (words.empty() ? "" : ",") + to_string(*request.capabilities);
  }
  const auto all = parse_capabilities(words);
  return all ? to_string(*all) : "";
}

std::vector<std::string> joined(std::vector<std::string> names,
                                const std::vector<std::string>& more) {
  for (const std::string& name : more) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

/// Leaves out what the container has, and finds out which devices it may not use. A cgroup that
/// others share, too, is left as it is. `granted`: what it may use already.
void set_steps(const Plan& plan, std::vector<DeviceRule> granted, const LiveContainer& container,
               const RootDir& system, Attachment& attachment) {
  const RootDir& driver = attachment.host.driver_root;
  attachment.steps = without_applied(plan, *container.root, system, driver);
  attachment.denied = denied_of(container, plan.device_rules, granted, system, driver);
  require_own_cgroup(container, attachment.denied);
  if (container.has_own_cgroup) {
    attachment.steps.granted_rules = std::move(granted);
  } else {
    attachment.steps.device_rules.clear();
  }
}

}  // namespace

Attachment plan_attachment(const LiveContainer& container, const AttachRequest& request,
                           const HostConfig& host_config, CommandContext& context) {
  require_mount_calls();
  const Config config = config_for_root(host_config.as_written.config);
  const auto before = container.changes->read();
  const std::string capabilities = more_capabilities(before, request);
  ContainerTask task = live_task(container, request.devices, capabilities, config);
  const OwnLayer layer = container.layer();
  const RunContext run{config, context.system, context.log};
  TakenLease lease = lease_for(*task.request.request, container, request.is_dry_run, run);
  Planned planned = plan_container(task, layer.view(), run);
  const auto selected = select_devices(task.request.request->devices, planned.host.inventory);

  const auto mounts = parse_mount_table(container.process->mountinfo());
  const ContainerDriver has = look_at_container(*container.root, mounts, nullptr);
  require_todays_driver(container, has, planned.host.inventory);
  GrantedNodes all{.nodes = nodes_it_has(container, has, planned.host, context.system)};
  std::vector<DeviceRule> granted = rules_of(all.nodes);
  const auto had =
      before ? before->devices : lasting_names(select_devices(all, planned.host.inventory));
  if (!all.nodes.empty()) {
    add_nodes_of(planned.plan, all.nodes);
    task.request.request->devices = std::move(all);
    planned = plan_container(task, layer.view(), run);
  }
  Attachment attachment{
      .host = std::move(planned.host),
      .devices = names_of(selected),
      .lease = std::move(lease),
      .after = {.devices = joined(had, lasting_names(selected)),
                .capabilities = capabilities,
                .search_path = joined(before ? before->search_path : std::vector<std::string>(),
                                      lines_to_add(planned.plan, container))}};
  set_steps(planned.plan, std::move(granted), container, context.system, attachment);
  return attachment;
}

Notes apply_attachment(const Attachment& attachment, const LiveContainer& container,
                       CommandContext& context) {
  const OwnLayer layer = container.layer();
  return apply_confined(attachment.steps, *container.process, *container.root, layer,
                        context.system, attachment.host.driver_root, context.log,
                        container.config_json);
}

}  // namespace nvhook
