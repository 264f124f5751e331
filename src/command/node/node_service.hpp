// SPDX-License-Identifier: Apache-2.0
// An installer from its start to its end.
#pragma once

#include <string>

#include "command/node/node_install.hpp"
#include "command/shell/command.hpp"

namespace nvhook {

struct NodeService {
  const NodeTask& task;
  const RootDir& root;          ///< where the node is written (NodeInstaller)
  std::string state = {};       ///< directory of the claim, below `root`
  std::string ready_file = {};  ///< of this container; made if its directory is there
  CommandContext& context;
};

/// Sets the node up, waits for a signal, and takes everything back, unless another installer of the
/// same owner has begun. Each throws what NodeClaim and NodeInstaller throw.
[[nodiscard]] Outcome serve_node(const NodeService& service);
/// Only sets it up.
[[nodiscard]] Outcome install_node(const NodeService& service);
/// Takes back what an installer that is dead has left. Throws Error(node_taken) if one is alive.
[[nodiscard]] Outcome remove_node(const NodeService& service);

}  // namespace nvhook
