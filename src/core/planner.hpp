// SPDX-License-Identifier: Apache-2.0
// Request + Inventory + ContainerFacts → Plan: all policy is here.
#pragma once

#include "core/config.hpp"
#include "core/container_facts.hpp"
#include "core/inventory.hpp"
#include "core/plan.hpp"
#include "core/request.hpp"

namespace nvhook {

/// Decides every step. Throws Error(unknown_device), Error(device_node_missing) for a node that the
/// request needs.
[[nodiscard]] Plan make_plan(const Request& request, const Inventory& inventory,
                             const ContainerFacts& container, const Config& config);

}  // namespace nvhook
