// SPDX-License-Identifier: Apache-2.0
// A plan becomes a container with its driver.
#pragma once

#include "image/own_layer.hpp"
#include "inject/container_process.hpp"
#include "os/log.hpp"
#include "os/root_dir.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// Applies `plan` to the container whose own part of the file tree `layer` knows, or does nothing
/// if an earlier run did all of it. Rights that this does not take are given up first
/// (confine_to_container_work): afterwards this process can start no other. Throws as `apply` does.
void apply_plan(const Plan& plan, const ContainerProcess& process, const RootDir& rootfs,
                const OwnLayer& layer, const RootDir& system, const RootDir& driver_root, Log& log);

}  // namespace nvhook
