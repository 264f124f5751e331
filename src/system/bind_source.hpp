// SPDX-License-Identifier: Apache-2.0
// A host file, verified on its descriptor.
#pragma once

#include "core/plan.hpp"
#include "system/root_dir.hpp"
#include "system/unique_fd.hpp"

namespace nvhook {

/// Opens `mount`'s source below `root` and checks type, owner and device number on the descriptor,
/// which is what is mounted then. `system` is the host's root, where SELinux is looked for when
/// opening fails. Throws Error(driver_files_missing, driver_file_unsafe, device_node_missing,
/// device_node_wrong).
[[nodiscard]] UniqueFd open_source(const BindMount& mount, const RootDir& root,
                                   const RootDir& system);

}  // namespace nvhook
