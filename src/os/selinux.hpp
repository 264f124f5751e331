// SPDX-License-Identifier: Apache-2.0
// Whether the host has SELinux.
#pragma once

#include "os/root_dir.hpp"

namespace nvhook {

/// SELinux is enabled on the host whose root is `system`. Without it the mount option `context` is
/// refused.
[[nodiscard]] bool has_selinux(const RootDir& system);

/// What to do about a device node that could not be opened with the errno `error`: `fallback`, or
/// the SELinux switch where SELinux enforces and may be the reason.
[[nodiscard]] std::string remedy_for_denied_device(int error, const std::string& fallback,
                                                   const RootDir& system);

}  // namespace nvhook
