// SPDX-License-Identifier: Apache-2.0
// Where the cgroup hierarchies are mounted.
#pragma once

#include <string>
#include <string_view>

#include "os/root_dir.hpp"

namespace nvhook {

/// Our mountinfo as far as it tells of the hierarchies that the process with this
/// /proc/<pid>/cgroup is in. All of it is read only where one of them is not whole in its usual
/// place: on a host with thousands of mounts that takes the kernel longer than everything else.
/// Throws Error(cgroup_not_found) if it cannot be read.
[[nodiscard]] std::string cgroup_mountinfo(const RootDir& system, std::string_view cgroup);

/// All of it.
[[nodiscard]] std::string own_mountinfo(const RootDir& system);

}  // namespace nvhook
