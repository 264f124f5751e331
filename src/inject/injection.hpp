// SPDX-License-Identifier: Apache-2.0
// Plans for a container that exists, and applies the plan.
#pragma once

#include <string>

#include "image/own_layer.hpp"
#include "inject/container_process.hpp"
#include "os/root_dir.hpp"
#include "plan/run.hpp"

namespace nvhook {

/// The container that gets the driver, opened from the host's side.
struct Container {
  const ContainerProcess& process;
  const RootDir& rootfs;
  const OwnLayer& layer;
  std::string id = {};  ///< the runtime's; empty if the caller has none
};

/// Takes a lease if the configuration has leases, so that `task` names its GPUs then, makes the
/// plan for it, and applies the part that the role `role` does (share_of). Afterwards this process
/// cannot start another one (apply_plan). Throws what take_lease, plan_container, share_of and
/// apply_plan throw; the lease is given back then.
void inject_driver(Role role, ContainerTask& task, const Container& container,
                   const RunContext& context);

}  // namespace nvhook
