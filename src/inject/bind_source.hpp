// SPDX-License-Identifier: Apache-2.0
// Opens the host file of a bind mount and checks that it is safe to mount.
#pragma once

#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// Opens `mount`'s source below `root` and checks it with require_source(). `system` is the host's
/// root, where SELinux is looked for if opening fails. Throws Error(driver_files_missing,
/// device_node_missing), and what require_source() throws.
[[nodiscard]] UniqueFd open_source(const BindMount& mount, const RootDir& root,
                                   const RootDir& system);

/// As open_source(), without the checks; the caller must call require_source().
[[nodiscard]] UniqueFd open_unchecked_source(const BindMount& mount, const RootDir& root,
                                             const RootDir& system);

/// Throws Error(driver_file_unsafe, device_node_wrong) if `status`, of the object to be mounted,
/// does not have the type, owner, mode or device number that `mount`'s source must have.
void require_source(const BindMount& mount, const FileStatus& status);

}  // namespace nvhook
