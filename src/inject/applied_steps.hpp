// SPDX-License-Identifier: Apache-2.0
// Which steps of a plan a container has already.
#pragma once

#include "os/root_dir.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// Whether every mount of `plan` that is not optional exists: its target is a mount of its source.
[[nodiscard]] bool is_applied(const Plan& plan, const RootDir& rootfs, const RootDir& system,
                              const RootDir& driver);

/// Returns `plan` for a container that runs, without the mounts that it has. A tmpfs that has other
/// entries than the one of the plan gives way to that, with all that is mounted on it
/// (TmpfsMount::takes_over). Links, the loader's files and device rules are left in: to apply them
/// once more changes nothing.
[[nodiscard]] Plan without_applied(Plan plan, const RootDir& rootfs, const RootDir& system,
                                   const RootDir& driver);

}  // namespace nvhook
