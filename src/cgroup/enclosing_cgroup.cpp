// SPDX-License-Identifier: Apache-2.0
// Tries to open the node, because the filters of enclosing cgroups cannot be queried from here.
#include "cgroup/enclosing_cgroup.hpp"

#include <fcntl.h>
#include <linux/openat2.h>

#include <cerrno>

#include "os/syscalls.hpp"
#include "text/error.hpp"

namespace nvhook {

void require_not_denied(const std::vector<const RootDir*>& roots, const DeviceRule& control) {
  const std::string& path = control.node.str();
  if (path.empty()) return;
  for (const RootDir* root : roots) {
    const UniqueFd node = root->open(path, O_PATH | O_NOFOLLOW);
    if (!node || !status_of(node.get()).is_character_device()) continue;
    const UniqueFd opened =
        sys::open_beneath(root->fd(), path.c_str(), O_RDWR | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW,
                          RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (opened || errno != EPERM) return;
    throw Error(Code::cgroup_denied,
                "`" + path +
                    "` is denied by a device cgroup around this container, which cannot be changed "
                    "from here",
                "allow the devices there: in LXC `lxc.cgroup2.devices.allow = c " +
                    std::to_string(control.device.major) +
                    ":* rwm`, in Docker or Podman --device or --gpus for the outer container");
  }
}

}  // namespace nvhook
