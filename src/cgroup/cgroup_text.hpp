// SPDX-License-Identifier: Apache-2.0
// Finds a container's device cgroups in the texts of /proc/<pid>/cgroup and mountinfo.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"

namespace nvhook {

/// A directory of a cgroup hierarchy, as a path on the host.
struct DeviceCgroup {
  enum class Version { v1, v2 };
  Version version = Version::v2;
  std::string directory = {};

  friend bool operator==(const DeviceCgroup&, const DeviceCgroup&) = default;
};

/// Returns what a /proc/<pid>/cgroup lists: at most one of each version, v1 first. `directory` is
/// the path inside the hierarchy.
[[nodiscard]] std::vector<DeviceCgroup> listed_device_cgroups(std::string_view cgroup);

/// Returns the device cgroups of a process; `cgroup` is its /proc/<pid>/cgroup, `mountinfo` is our
/// own. One of each version that is listed and visibly mounted, v1 first; on hybrid hosts both can
/// be in force. A mount's root is stripped from the cgroup's path. A path that is not below the
/// mounted root, or contains `..`, is left out, and so is a mount that another one hides.
/// Co-mounted v1 controllers (`cpu,devices`) and mountinfo's octal escapes are understood.
[[nodiscard]] std::vector<DeviceCgroup> find_device_cgroups(std::string_view cgroup,
                                                            std::string_view mountinfo);

/// Returns the enclosing .scope if `directory` is its direct child, e.g. crun's
/// `<name>.scope/container`; systemd's own device filter is attached to the scope. nullopt if there
/// is none.
[[nodiscard]] std::optional<std::string> parent_scope(std::string_view directory);

/// Returns which access to character device `device` is missing in the v1 `devices.list` with the
/// text `list`: `rw`, `r`, `w`, or an empty string. For the kernel a single line must allow both.
/// Lines for exactly this device are merged by the kernel, so the missing access completes such a
/// line.
[[nodiscard]] std::string missing_device_access(std::string_view list, DeviceNumber device);

}  // namespace nvhook
