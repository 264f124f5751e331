// SPDX-License-Identifier: Apache-2.0
// A host file that is to be mounted.
#pragma once

#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// Opens `mount`'s source below `root` and checks it by require_source(). `system` is the host's
/// root, where SELinux is looked for when opening fails. Throws Error(driver_files_missing,
/// device_node_missing) besides.
[[nodiscard]] UniqueFd open_source(const BindMount& mount, const RootDir& root,
                                   const RootDir& system);

/// The same, unchecked: for who checks what it makes of it.
[[nodiscard]] UniqueFd open_unchecked_source(const BindMount& mount, const RootDir& root,
                                             const RootDir& system);

/// Throws Error(driver_file_unsafe, device_node_wrong) if `status`, of what is to be mounted, has
/// not the type, owner, mode or device number that `mount`'s source must have.
void require_source(const BindMount& mount, const FileStatus& status);

}  // namespace nvhook
