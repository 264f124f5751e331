// SPDX-License-Identifier: Apache-2.0
// The last stage of a run for a container that exists: plan, and apply.
#pragma once

#include "image/own_layer.hpp"
#include "inject/container_process.hpp"
#include "os/root_dir.hpp"
#include "plan/run.hpp"

namespace nvhook {

/// The container that a driver is injected into, opened by the host's means.
struct Container {
  const ContainerProcess& process;
  const RootDir& rootfs;
  const OwnLayer& layer;
};

/// Plans for `task` and applies what the role `role` has to do of the plan. Afterwards this process
/// can start no other (apply_plan). Throws as plan_container and apply_plan do.
void inject_driver(Role role, const ContainerTask& task, const Container& container,
                   const RunContext& context);

}  // namespace nvhook
