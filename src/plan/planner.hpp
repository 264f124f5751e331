// SPDX-License-Identifier: Apache-2.0
// Makes the plan from request, inventory and container facts. All policy is here.
#pragma once

#include "config/config.hpp"
#include "host/facts/inventory.hpp"
#include "image/container_facts.hpp"
#include "plan/plan.hpp"
#include "request/request.hpp"

namespace nvhook {

/// What the plan depends on in the image.
[[nodiscard]] ContainerQuery image_query(const Request& request, const Inventory& inventory,
                                         const Config& config);

/// Decides every step. Throws Error(unknown_device), and Error(device_node_missing) if a node that
/// the request needs is missing.
[[nodiscard]] Plan make_plan(const Request& request, const Inventory& inventory,
                             const ContainerFacts& container, const Config& config);

}  // namespace nvhook
