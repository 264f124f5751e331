// SPDX-License-Identifier: Apache-2.0
// A host that is itself a container has the nodes that it was given, and no others.
#pragma once

#include "host/facts/host_view.hpp"
#include "host/facts/inventory.hpp"

namespace nvhook {

/// Whether the nodes below `host.system` were chosen by whoever started the container that this
/// process is in: its PID or cgroup namespace is not the first one, or one of the driver's nodes is
/// a mount of its own, as LXC and engines in a user namespace pass nodes in, or /dev is a tmpfs, as
/// runtimes mount it, and not the kernel's devtmpfs. Always false if
/// `host.system` is not the root directory of this process: its namespaces then prove nothing.
[[nodiscard]] bool are_nodes_given(const HostView& host);

/// Removes from `inventory` the GPUs and MIG devices without their nodes, with a note: `/proc`
/// shows those of the whole machine. The others keep their indices. If no GPU has a node, all stay,
/// so that the missing node is reported. Sets `nodes_are_given`.
void leave_out_withheld(Inventory& inventory);

}  // namespace nvhook
