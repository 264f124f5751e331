// SPDX-License-Identifier: Apache-2.0
// Whether SELinux is enabled on the host, and what to do if it denies a device.
#pragma once

#include "os/root_dir.hpp"

namespace nvhook {

/// Whether SELinux is enabled on the host whose root is `system`. Without SELinux the kernel
/// refuses the mount option `context`.
[[nodiscard]] bool has_selinux(const RootDir& system);

/// Returns the remedy for a device node that could not be opened with errno `error`: `fallback`,
/// with the SELinux boolean appended if SELinux is enforcing and may be the reason.
[[nodiscard]] std::string remedy_for_denied_device(int error, const std::string& fallback,
                                                   const RootDir& system);

}  // namespace nvhook
