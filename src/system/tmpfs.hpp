// SPDX-License-Identifier: Apache-2.0
// A small tmpfs, filled while it is attached nowhere.
#pragma once

#include <sys/types.h>

#include "core/plan.hpp"
#include "system/unique_fd.hpp"

namespace nvhook {

/// A detached tmpfs (nosuid, nodev, noexec) with `mount`'s entries, all of `uid`:`gid`. Throws
/// Error(mount_failed).
[[nodiscard]] UniqueFd make_tmpfs(const TmpfsMount& mount, uid_t uid, gid_t gid);

}  // namespace nvhook
