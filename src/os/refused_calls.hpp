// SPDX-License-Identifier: Apache-2.0
// Which system calls this kernel, or a seccomp filter over us, refuses altogether. Each is asked
// for once, by a call that cannot succeed; the kernel's version tells nothing, because enterprise
// kernels have calls of later ones and filters take calls away.
#pragma once

namespace nvhook {

[[nodiscard]] bool is_openat2_refused() noexcept;

/// Whether one of open_tree, move_mount, mount_setattr, fsopen, fsconfig and fsmount is.
[[nodiscard]] bool is_mount_api_refused() noexcept;

}  // namespace nvhook
