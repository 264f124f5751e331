// SPDX-License-Identifier: Apache-2.0
// Applies a plan to a container, unless an earlier hook has done it.
#pragma once

#include <string_view>

#include "image/own_layer.hpp"
#include "inject/container_process.hpp"
#include "os/log.hpp"
#include "os/root_dir.hpp"
#include "plan/plan.hpp"
#include "text/note.hpp"

namespace nvhook {

/// Applies `plan` to the container. `layer` knows which part of its file tree is its own. Does
/// nothing if an earlier run applied the whole plan. `config_json` is for DeviceGrant. Otherwise
/// first gives up all rights that this does not need (confine_to_container_work); afterwards this
/// process cannot start another one. Throws what `apply` throws.
void apply_plan(const Plan& plan, const ContainerProcess& process, const RootDir& rootfs,
                const OwnLayer& layer, const RootDir& system, const RootDir& driver_root, Log& log,
                std::string_view config_json = {});

/// As apply_plan(), but whatever earlier hooks did. Returns what was decided while applying.
Notes apply_confined(const Plan& plan, const ContainerProcess& process, const RootDir& rootfs,
                     const OwnLayer& layer, const RootDir& system, const RootDir& driver_root,
                     Log& log, std::string_view config_json = {});

}  // namespace nvhook
