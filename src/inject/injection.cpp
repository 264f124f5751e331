// SPDX-License-Identifier: Apache-2.0
// Shared by the hook and nvidia-container-cli.
#include "inject/injection.hpp"

#include <utility>

#include "inject/apply_plan.hpp"

namespace nvhook {

void inject_driver(Role role, const ContainerTask& task, const Container& container,
                   const RunContext& context) {
  Planned planned = plan_container(task, container.layer.view(), context);
  const Plan plan = share_of(role, task, std::move(planned.plan), context);
  apply_plan(plan, container.process, container.rootfs, container.layer, context.system,
             planned.host.driver_root, context.log, task.config_json);
}

}  // namespace nvhook
