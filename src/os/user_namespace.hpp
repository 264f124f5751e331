// SPDX-License-Identifier: Apache-2.0
// Whether this process is in a user namespace other than the host's.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace nvhook {

/// True unless /proc/self/uid_map is the identity of all ids. Read once.
[[nodiscard]] bool in_user_namespace();

/// Whether this process is the host's own root, and no root of a user namespace.
[[nodiscard]] bool is_real_root();

/// To be called when a mount call failed. Throws Error(namespace_denied) if errno is EPERM and this
/// process belongs to an ordinary user: runc of such a user makes the container's user namespace
/// itself and starts hooks outside of it, where they may not mount. Else errno is as it was.
void require_mount_right(const std::string& what);

/// The user that this process is outside of its user namespace: of a rootless engine, who started
/// it. Nothing if the kernel does not tell.
[[nodiscard]] std::optional<uid_t> outer_uid();

}  // namespace nvhook
