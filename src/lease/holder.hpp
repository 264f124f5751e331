// SPDX-License-Identifier: Apache-2.0
// Finds out what a container ends with, and whether it has ended.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "lease/lease.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// Describes the container whose first process is `pid` and has `cgroup`, the text of its
/// /proc/<pid>/cgroup. Its cgroup counts only if this process is in another one: a container
/// without a cgroup of its own is in that of its engine, which does not end with it. Throws
/// Error(container_gone) if the process has ended, and what cgroup_mountinfo throws.
[[nodiscard]] LeaseHolder describe_holder(pid_t pid, std::string container, std::string_view cgroup,
                                          const RootDir& system);

/// Whether the container is still there: its first process, or any process in its own cgroup. A
/// zombie counts as ended. Throws Error(internal) if that cannot be found out (RootDir::open).
[[nodiscard]] bool is_there(const LeaseHolder& holder, const RootDir& system);

}  // namespace nvhook
