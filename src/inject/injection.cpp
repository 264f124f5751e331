// SPDX-License-Identifier: Apache-2.0
// Shared by the hook and nvidia-container-cli.
#include "inject/injection.hpp"

#include <utility>

#include "inject/apply_plan.hpp"
#include "lease/holder.hpp"
#include "lease/leasing.hpp"

namespace nvhook {

namespace {

TakenLease take_lease_for(ContainerTask& task, const Container& container,
                          const RunContext& context) {
  if (!context.config.leases) return {};
  const ContainerProcess& process = container.process;
  LeaseOwner owner{.require_alive = [&] { process.require_alive(); }};
  if (!process.is_standalone()) {
    owner.holder =
        describe_holder(process.pid(), container.id, process.cgroup_text(), context.system);
  }
  return take_lease(*task.request.request, owner, context);
}

}  // namespace

void inject_driver(Role role, ContainerTask& task, const Container& container,
                   const RunContext& context) {
  TakenLease lease = take_lease_for(task, container, context);
  Planned planned = plan_container(task, container.layer.view(), context);
  const Plan plan = share_of(role, task, std::move(planned.plan), context);
  apply_plan(plan, container.process, container.rootfs, container.layer, context.system,
             planned.host.driver_root, context.log, task.config_json);
  lease.keep();
}

}  // namespace nvhook
