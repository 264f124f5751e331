// SPDX-License-Identifier: Apache-2.0
// Finds out whether a hook runs inside or outside the container, and whether another hook was
// first.
#pragma once

#include <sys/types.h>

#include "os/root_dir.hpp"

namespace nvhook {

/// Where this process runs, relative to the container.
enum class HookLocation {
  outside,  ///< prestart, createRuntime: the state's pid is a number of our /proc
  inside,   ///< createContainer, startContainer: it is not, and may be the host's init there
  /// The process has our mount namespace: one of the two stages inside without a pid namespace, or
  /// a container without a mount namespace of its own.
  same_mount_namespace,
};

/// Returns where a hook runs that was given `pid`. Inside, runtimes give 0 or 1. If the procfs at
/// /proc has another number for this process than getpid(), `pid` is not one of its numbers either.
/// `system` is the root of this process.
[[nodiscard]] HookLocation find_location(pid_t pid, const RootDir& system);

/// Whether an earlier hook injected the driver into the container below `rootfs`:
/// /proc/driver/nvidia is a tmpfs of its own that forbids changes of device files, which no image
/// can contain, and there is a device node /dev/nvidiactl, mounted or made by the runtime from an
/// edited config.json.
[[nodiscard]] bool has_driver_by_hook(const RootDir& rootfs);

}  // namespace nvhook
