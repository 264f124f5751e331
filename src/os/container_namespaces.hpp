// SPDX-License-Identifier: Apache-2.0
// Whether this process runs in a container (LXC, an engine inside of a container).
#pragma once

namespace nvhook {

/// Returns true if the PID or the cgroup namespace of this process is not the kernel's first one: a
/// fact of the kernel, which no image can forge. A user namespace alone is no proof, because
/// rootless engines make one for themselves on the host. Returns false if /proc does not tell.
[[nodiscard]] bool is_in_container();

}  // namespace nvhook
