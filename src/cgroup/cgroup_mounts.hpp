// SPDX-License-Identifier: Apache-2.0
// Finds where the cgroup hierarchies are mounted.
#pragma once

#include <string>
#include <string_view>

#include "os/root_dir.hpp"

namespace nvhook {

/// Returns the lines of our mountinfo for the hierarchies in `cgroup`, the text of a
/// /proc/<pid>/cgroup. Reads the whole file only if one of them is not mounted as a whole in its
/// usual place: with thousands of mounts on the host that takes the kernel longer than everything
/// else. Throws Error(cgroup_not_found) if it cannot be read.
[[nodiscard]] std::string cgroup_mountinfo(const RootDir& system, std::string_view cgroup);

/// Returns the whole of our mountinfo.
[[nodiscard]] std::string own_mountinfo(const RootDir& system);

}  // namespace nvhook
