// SPDX-License-Identifier: Apache-2.0
// Which processes of a container have device nodes open or mapped.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "command/attach/live_container.hpp"
#include "os/root_dir.hpp"
#include "plan/plan.hpp"

namespace nvhook {

struct Holder {
  pid_t pid = 0;
  std::string name = {};  ///< chosen by the process: any bytes
  std::string node = {};  ///< the first of the nodes that it has

  friend bool operator==(const Holder&, const Holder&) = default;
};

/// Returns the processes in the container's cgroup or mount namespace that have one of `nodes` open
/// or mapped, by the numbers of the devices, whatever their paths are. A descriptor that only names
/// a node (O_PATH) does not count. Processes that end meanwhile are left out; one that may not be
/// looked at is not seen. `inventory` has all nodes of the driver.
[[nodiscard]] std::vector<Holder> holders_of(const LiveContainer& container,
                                             const std::vector<DeviceRule>& nodes,
                                             const Inventory& inventory, const RootDir& system);

}  // namespace nvhook
