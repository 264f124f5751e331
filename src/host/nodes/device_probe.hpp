// SPDX-License-Identifier: Apache-2.0
// Reads which device nodes and MIG devices the host has.
#pragma once

#include "host/facts/host_view.hpp"
#include "host/facts/inventory.hpp"
#include "request/request.hpp"

namespace nvhook {

/// Fills `nodes`, `device_links` and everything about MIG in `inventory`, whose `gpus` must be
/// filled already. Numbers come from the driver's own tables if these have them. IMEX channels,
/// optional features and /dev/dri are read only if `request` asks for them. Missing nodes are left
/// out.
void read_devices(const HostView& host, const Request& request, Inventory& inventory);

}  // namespace nvhook
