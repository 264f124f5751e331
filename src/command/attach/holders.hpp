// SPDX-License-Identifier: Apache-2.0
// Which processes of a container have device nodes, or files of the driver, open or mapped.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "command/attach/live_container.hpp"
#include "os/file_identity.hpp"
#include "os/root_dir.hpp"
#include "plan/plan.hpp"

namespace nvhook {

struct Holder {
  pid_t pid = 0;
  std::string name = {};  ///< chosen by the process: any bytes
  std::string node = {};  ///< the first of the nodes, or else of the files, that it has

  friend bool operator==(const Holder&, const Holder&) = default;
};

/// What processes may hold: nodes, by the numbers of their devices, and files, with their paths in
/// the container.
struct Holdable {
  std::vector<DeviceRule> nodes = {};
  std::map<FileIdentity, std::string> files = {};
};

/// Returns the processes in the container's cgroup or mount namespace that have one of `things`
/// open or mapped, whatever path it has for them. A descriptor that only names a node (O_PATH) does
/// not count. Processes that end meanwhile are left out; one that may not be looked at is not seen.
/// `inventory` has all nodes that the driver has today.
[[nodiscard]] std::vector<Holder> holders_of(const LiveContainer& container, const Holdable& things,
                                             const Inventory& inventory, const RootDir& system);

/// Throws Error(device_in_use) with the first of `holders`; `whose` names the container, `what`
/// they use.
[[noreturn]] void throw_in_use(const std::string& whose, const std::string& what,
                               const std::vector<Holder>& holders);

/// `process 4711 (python3) has /dev/nvidia1 open, and keeps that until it ends`
[[nodiscard]] std::string line_of(const Holder& holder);

}  // namespace nvhook
