// SPDX-License-Identifier: Apache-2.0
// Whether a container is paused.
#pragma once

#include <string_view>

#include "os/root_dir.hpp"

namespace nvhook {

/// Whether the cgroups in `cgroup`, the text of a /proc/<pid>/cgroup, are frozen: v2 by
/// cgroup.events, v1 by freezer.state, where hosts mount them. `system` is the host's root.
[[nodiscard]] bool is_frozen(std::string_view cgroup, const RootDir& system);

}  // namespace nvhook
