// SPDX-License-Identifier: Apache-2.0
// From a request to a plan.
#include "system/planning.hpp"

#include "core/cuda_compat.hpp"
#include "core/planner.hpp"
#include "system/container_probe.hpp"
#include "system/selinux.hpp"

namespace nvhook {

Planned plan_container(const PlanningTask& task, const Config& config, const RootDir& system,
                       Log& log) {
  Planned planned{.host = read_host(task.request, config, system, log, task.reading)};
  ContainerFacts facts = empty_image();
  if (task.rootfs != nullptr) {
    facts = probe_container(*task.rootfs, {.compat = wants_cuda_compat(task.request, config)});
  }
  if (has_selinux(system)) facts.mount_label = task.mount_label;
  planned.plan = make_plan(task.request, planned.host.inventory, facts, config);
  log.notes(planned.plan.notes);
  log.phase("planning");
  return planned;
}

}  // namespace nvhook
