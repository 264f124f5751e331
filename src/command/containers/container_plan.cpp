// SPDX-License-Identifier: Apache-2.0
// Calls the pipeline of the hook for a container that runs.
#include "command/containers/container_plan.hpp"

#include "command/containers/attach_record.hpp"
#include "command/containers/container_cgroup.hpp"
#include "command/containers/no_request.hpp"
#include "command/containers/root_request.hpp"
#include "image/own_layer.hpp"
#include "lease/leasing.hpp"
#include "oci/bundle.hpp"
#include "oci/container_spec.hpp"
#include "plan/node_access.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

std::optional<AttachedDevices> changes_of(const ContainerRecord& record, const HostConfig& config,
                                          const RootDir& system) {
  if (!config.is_ours || record.pid <= 0) return std::nullopt;
  return AttachRecord(record.pid, system).read();
}

}  // namespace

ContainerPlan plan_again(const ContainerRecord& record, const RootDir& root,
                         const HostConfig& config, CommandContext& context) {
  ContainerPlan result;
  const auto text = record.bundle.empty()
                        ? std::nullopt
                        : context.system.read(record.bundle + "/config.json", kMaxSpec);
  if (!text) return result;
  result.has_config = true;
  result.config_json = *text;
  result.cgroups_path = parse_cgroups_path(*text);
  const auto changed = changes_of(record, config, context.system);
  result.is_changed = changed.has_value();
  if (changed && changed->devices.empty()) {
    result.no_request = "its GPUs were taken from it while it ran (oci-nvidia detach)";
    return result;
  }
  try {
    const ContainerSpec spec = parse_spec(*text);
    ContainerTask task =
        changed ? task_for_devices(*text, &spec, join(changed->devices, ","), changed->capabilities,
                                   config_for_root(config.as_written.config))
                : derive_task_to_show(*text, spec, config.as_written.config);
    result.injector = task.injector;
    result.notes = task.request.notes;
    if (task.injector == Injector::nobody) {
      result.no_request = why_no_request(task.request, config.as_written);
    }
    result.missing = why_missing(record.engine, *text);
    if (!reason_to_do_nothing(task, Role::spec_editor).empty()) return result;
    const OwnLayer layer({.rootfs = root, .spec = &task.spec, .is_running = true});
    const RunContext run{config.seen_from_here, context.system, context.log};
    name_leased(*task.request.request, record.pid, context.system);
    result.planned = plan_container(task, layer.view(), run);
    const Notes closed = access_notes(result.planned->plan, *text);
    result.notes.insert(result.notes.end(), closed.begin(), closed.end());
  } catch (const Error& error) {
    result.failure = error;
  }
  return result;
}

}  // namespace nvhook
