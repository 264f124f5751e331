// SPDX-License-Identifier: Apache-2.0
// At which side of the container's border a hook runs, and whether another hook was here before.
#pragma once

#include <sys/types.h>

#include "os/root_dir.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// Where this process is, seen from the container.
enum class HookLocation {
  outside,  ///< prestart, createRuntime: the state's pid is a number of our /proc
  inside,   ///< createContainer, startContainer: it is not, and may be the host's init there
  /// The process has our mount namespace: one of these two stages without a pid namespace, or a
  /// container that has no mount namespace of its own.
  same_mount_namespace,
};

/// Where a hook is that was told `pid`, from facts: 0 and 1 are how runtimes name the process
/// inside; and a number of ours that the procfs at /proc does not know us by means that `pid` is
/// none of its numbers either. `system` is the root of this process.
[[nodiscard]] HookLocation find_location(pid_t pid, const RootDir& system);

/// Whether an earlier hook gave the container below `rootfs` its driver: a tmpfs of its own on
/// /proc/driver/nvidia that forbids to change device files, which no image can bring, and
/// /dev/nvidiactl, which is a mount, or the runtime's work where config.json was edited.
[[nodiscard]] bool has_driver_by_hook(const RootDir& rootfs);

/// Whether every mount of `plan` that must be there is: its target is a mount of its source.
[[nodiscard]] bool is_applied(const Plan& plan, const RootDir& rootfs, const RootDir& system,
                              const RootDir& driver);

}  // namespace nvhook
