// SPDX-License-Identifier: Apache-2.0
// Calls the pipeline of the hook for a container that runs.
#include "command/containers/container_plan.hpp"

#include "command/containers/container_cgroup.hpp"
#include "command/containers/no_request.hpp"
#include "image/own_layer.hpp"
#include "lease/leasing.hpp"
#include "oci/bundle.hpp"
#include "oci/container_spec.hpp"
#include "plan/node_access.hpp"

namespace nvhook {

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
  try {
    ContainerTask task = derive_task_to_show(*text, parse_spec(*text), config.as_written.config);
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
