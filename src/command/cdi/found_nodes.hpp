// SPDX-License-Identifier: Apache-2.0
// Device nodes that a CDI specification has because they are there, and not because a GPU needs
// them.
#pragma once

#include <vector>

#include "host/facts/inventory.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// Returns the nodes that NVIDIA's management specification has: `/dev/nvidia*` and
/// `/dev/nvidia-caps/nvidia-cap*`, without those of GPUDirect Storage, NVSwitch and NVLink. They
/// are looked for below the driver root first, then below the host's root, as all nodes are.
[[nodiscard]] std::vector<DeviceNode> find_management_nodes(const RootDir& driver,
                                                            const RootDir& system);

/// Returns the numbers of the IMEX channels that have a node, in ascending order.
[[nodiscard]] std::vector<unsigned> find_imex_channels(const RootDir& driver,
                                                       const RootDir& system);

}  // namespace nvhook
