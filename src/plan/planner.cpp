// SPDX-License-Identifier: Apache-2.0
// Calls the parts of the planner in the order of the plan, then removes what is left out.
#include "plan/planner.hpp"

#include <string_view>

#include "image/cuda_compat.hpp"
#include "plan/device_plan.hpp"
#include "plan/file_plan.hpp"
#include "plan/plan_builder.hpp"

namespace nvhook {
namespace {

bool is_below_dev(const ContainerPath& path) { return path.str().starts_with("/dev/"); }

/// Removes nodes, the directory of MIG's nodes, and links to nodes; device rules stay.
void leave_out_device_nodes(Plan& plan) {
  std::erase_if(plan.mounts, [](const BindMount& mount) { return is_below_dev(mount.target); });
  plan.closed_nodes.clear();
  std::erase_if(plan.symlinks, [](const Symlink& link) { return is_below_dev(link.link); });
  plan.notes.push_back(info("device nodes left out: the caller brings them (--no-devbind)"));
}

}  // namespace

ContainerQuery image_query(const Request& request, const Inventory& inventory,
                           const Config& config) {
  ContainerQuery query{.compat = wants_cuda_compat(request, config)};
  for (const DriverFile& file : inventory.files) {
    if (file.refers_to.empty() || !is_wanted(file, request)) continue;
    const std::string_view name = file.component->name;
    query.manifest_directories.emplace(name.substr(0, name.rfind('/')));
  }
  for (const DriverFile& file : inventory.files) {
    if (!file.interpreter.empty() && is_wanted(file, request)) {
      query.interpreters.insert(file.interpreter);
    }
    if (file.kind == ComponentKind::xorg_module) query.xorg_modules = true;
  }
  return query;
}

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
  if (request.left_out.device_nodes) leave_out_device_nodes(plan);
  if (config.no_cgroups) {
    plan.notes.push_back(info("device cgroup left alone: no-cgroups is set"));
    plan.device_rules.clear();
  }
  return plan;
}

}  // namespace nvhook
