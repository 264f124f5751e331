// SPDX-License-Identifier: Apache-2.0
// A host file, verified on its descriptor and cloned as a mount that is attached nowhere yet.
#pragma once

#include "core/plan.hpp"
#include "system/root_dir.hpp"
#include "system/unique_fd.hpp"

namespace nvhook {

/// `system` is the host's root, where SELinux is looked for when opening fails.
/// Opens `mount`'s source below `root`, checks type, owner and device number on the descriptor,
/// clones it from that same descriptor and gives the clone its attributes and private propagation
/// while nobody can see it. Throws Error(driver_files_missing, driver_file_unsafe,
/// device_node_missing, device_node_wrong, mount_failed).
[[nodiscard]] UniqueFd clone_source(const BindMount& mount, const RootDir& root,
                                    const RootDir& system);

}  // namespace nvhook
