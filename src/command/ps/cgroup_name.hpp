// SPDX-License-Identifier: Apache-2.0
// What the name of a cgroup tells of the container that it was made for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nvhook {

struct CgroupName {
  std::string engine = {};  ///< as in ContainerRecord; empty if the name does not tell
  std::string id = {};
  /// The container's own cgroup. What is below it, the container has named.
  std::string path = {};

  friend bool operator==(const CgroupName&, const CgroupName&) = default;
};

/// Returns the path of a process's cgroup: of the device controller (v1) if that is not the root of
/// its hierarchy, otherwise of cgroup v2. `text` is a /proc/<pid>/cgroup. `/` if it has neither.
[[nodiscard]] std::string device_cgroup_path(std::string_view text);

/// Recognises the outermost cgroup of `path` that is named as engines name those of containers: by
/// an id of 64 hexadecimal digits (`docker-<id>.scope`, `libpod-<id>`, `<id>`), and LXC's
/// `lxc.payload.<name>`. nullopt if there is none. Any user may name cgroups of his own so.
[[nodiscard]] std::optional<CgroupName> name_container(std::string_view path);

}  // namespace nvhook
