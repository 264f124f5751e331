// SPDX-License-Identifier: Apache-2.0
// Joins the parts: the check for an earlier hook, the confinement, and LinuxKernel.
#include "inject/apply_plan.hpp"

#include <string>

#include "inject/applied_steps.hpp"
#include "inject/apply.hpp"
#include "inject/container_stage.hpp"
#include "inject/linux_kernel.hpp"
#include "os/confinement.hpp"

namespace nvhook {

void apply_plan(const Plan& plan, const ContainerProcess& process, const RootDir& rootfs,
                const OwnLayer& layer, const RootDir& system, const RootDir& driver_root, Log& log,
                std::string_view config_json) {
  if (has_driver_by_hook(rootfs) && is_applied(plan, rootfs, system, driver_root)) {
    log.line("nothing to do: an earlier hook of this container did all of it");
    return;
  }
  apply_confined(plan, process, rootfs, layer, system, driver_root, log, config_json);
}

Notes apply_confined(const Plan& plan, const ContainerProcess& process, const RootDir& rootfs,
                     const OwnLayer& layer, const RootDir& system, const RootDir& driver_root,
                     Log& log, std::string_view config_json) {
  confine_to_container_work();
  LinuxKernel kernel(process, rootfs, layer, system, driver_root, config_json);
  kernel.keep_granted(plan.granted_rules);
  apply(plan, kernel);
  log.notes(kernel.notes());
  log.phase("applying " + std::to_string(plan.mounts.size()) + " mounts");
  return kernel.notes();
}

}  // namespace nvhook
