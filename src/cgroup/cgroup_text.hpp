// SPDX-License-Identifier: Apache-2.0
// /proc/<pid>/cgroup and mountinfo lines: where a container's device cgroup is.
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

/// What a /proc/<pid>/cgroup says: of each version at most one, v1 first. `directory` is the path
/// inside the hierarchy.
[[nodiscard]] std::vector<DeviceCgroup> listed_device_cgroups(std::string_view cgroup);

/// The device cgroups of a process: `cgroup` is its /proc/<pid>/cgroup, `mountinfo` is our own. One
/// of each version that is both listed and mounted in sight (on hybrid hosts both can be in force
/// at once), v1 first. A mount's root is stripped from the cgroup's path; a path that is not below
/// the mounted root, or that has `..` in it, is left out, and so is a mount that another one hides.
/// Co-mounted v1 controllers (`cpu,devices`) and mountinfo's octal escapes are understood.
[[nodiscard]] std::vector<DeviceCgroup> find_device_cgroups(std::string_view cgroup,
                                                            std::string_view mountinfo);

/// The systemd scope that `directory` is a direct child of. crun's systemd driver starts a
/// container in
/// `<name>.scope/container`, and systemd's own device filter is attached to the scope.
[[nodiscard]] std::optional<std::string> parent_scope(std::string_view directory);

/// What a cgroup whose v1 `devices.list` reads `list` lacks for reading and writing character
/// device `device`: `rw`, `r`, `w`, or nothing. One line alone must allow both, as the kernel wants
/// it; lines of exactly this device are one to the kernel, so what is missing completes such a
/// line.
[[nodiscard]] std::string missing_device_access(std::string_view list, DeviceNumber device);

}  // namespace nvhook
