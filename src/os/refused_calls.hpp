// SPDX-License-Identifier: Apache-2.0
// Finds out which system calls this kernel, or a seccomp filter, refuses altogether. Each is called
// once with arguments that cannot succeed. The kernel's version says nothing, because enterprise
// kernels have calls of later versions and filters take calls away.
#pragma once

namespace nvhook {

[[nodiscard]] bool is_openat2_refused() noexcept;

/// Whether any of open_tree, move_mount, mount_setattr, fsopen, fsconfig and fsmount is refused.
[[nodiscard]] bool is_mount_api_refused() noexcept;

}  // namespace nvhook
