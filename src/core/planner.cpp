// SPDX-License-Identifier: Apache-2.0
// Request + Inventory + ContainerFacts → Plan.
#include "core/planner.hpp"

#include "core/device_plan.hpp"
#include "core/file_plan.hpp"
#include "core/plan_builder.hpp"

namespace nvhook {

Plan make_plan(const Request& request, const Inventory& inventory, const ContainerFacts& container,
               const Config& config) {
  const PlanInput input{.request = request,
                        .inventory = inventory,
                        .container = container,
                        .config = config,
                        .selected = select_devices(request.devices, inventory)};
  PlanBuilder builder;
  for (const Note& note : inventory.notes) builder.note(note);
  for (const Note& note : container.notes) builder.note(note);
  plan_views(input, builder);
  plan_files(input, builder);
  plan_devices(input, builder);
  Plan plan = builder.take();
  if (config.no_cgroups) {
    plan.notes.push_back(info("device cgroup left alone: no-cgroups is set"));
    plan.device_rules.clear();
  }
  return plan;
}

}  // namespace nvhook
