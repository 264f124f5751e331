// SPDX-License-Identifier: Apache-2.0
// Whether the host has the device nodes that a request needs.
#pragma once

#include "host/facts/inventory.hpp"
#include "request/request.hpp"

namespace nvhook {

/// What to do about a missing node in a container, which has the nodes that it was given.
inline constexpr const char* kGiveNodes =
    "give the device to this container where it is started (LXC: lxc.mount.entry; Docker, Podman: "
    "--device), or ask only for GPUs that it has";

/// Returns true if a node that `request` needs (docs/behaviour.md §6.1) is missing in
/// `inventory.nodes` or is stale. Needed are the control device; for compute and video both nodes
/// of nvidia-uvm; for display nvidia-modeset; if devices are requested, the nodes of every GPU and
/// MIG device that exists, because which ones are meant may be unknown before the driver runs; and
/// the nodes for MIG administration and IMEX channels. Without MIG in the driver its nodes are not
/// needed.
[[nodiscard]] bool lacks_devices(const Request& request, const Inventory& inventory);

}  // namespace nvhook
