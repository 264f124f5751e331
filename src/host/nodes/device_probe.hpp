// SPDX-License-Identifier: Apache-2.0
// Reads which device nodes and MIG devices the host has.
#pragma once

#include "host/facts/host_view.hpp"
#include "host/facts/inventory.hpp"
#include "request/request.hpp"

namespace nvhook {

/// Fills `nodes`, `device_links` and everything about MIG in `inventory`, whose `gpus` must be
/// there. Numbers come from the driver's own tables where those tell them; IMEX channels, gated
/// features and /dev/dri only if `request` asks for them. A node that does not exist is left out.
void read_devices(const HostView& host, const Request& request, Inventory& inventory);

}  // namespace nvhook
