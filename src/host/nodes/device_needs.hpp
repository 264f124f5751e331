// SPDX-License-Identifier: Apache-2.0
// Whether the host has the device nodes that a request needs.
#pragma once

#include "host/facts/inventory.hpp"
#include "request/request.hpp"

namespace nvhook {

/// True if a node that `request` needs (behaviour.md §6.1) is not among `inventory.nodes` or is
/// stale: the control device; for compute and video both of nvidia-uvm; for display nvidia-modeset;
/// with devices asked for those of every GPU and MIG device that exists, because which ones are
/// meant may not be known before the driver is there to be asked; what MIG administration and IMEX
/// channels need. Nodes of a driver without MIG are not needed.
[[nodiscard]] bool lacks_devices(const Request& request, const Inventory& inventory);

}  // namespace nvhook
