// SPDX-License-Identifier: Apache-2.0
// Whether this process is in a user namespace other than the host's.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace nvhook {

/// Returns false in the initial user namespace, if /proc/self/uid_map is the identity of all IDs,
/// and if the kernel has no user namespaces. Read once.
[[nodiscard]] bool in_user_namespace();

/// Whether this process is root on the host, not in a user namespace.
[[nodiscard]] bool is_real_root();

/// Whether this process is root of a system: the host's, or that of a container with a range of
/// user IDs of its own (LXC, an engine's user namespaces). Root in the user namespace of a rootless
/// engine is not: there 0 is the one ID of the user who started it.
[[nodiscard]] bool is_system_root();

/// To be called when a mount call failed. Throws Error(namespace_denied) if errno is EPERM and this
/// process belongs to an ordinary user: runc, when started by such a user, makes the container's
/// user namespace itself and runs hooks outside of it, where they may not mount. Otherwise keeps
/// errno.
void require_mount_right(const std::string& what);

/// Returns the user ID of this process outside of its user namespace: of a rootless engine, the
/// user who started it. Returns nullopt if the kernel does not report it.
[[nodiscard]] std::optional<uid_t> outer_uid();

}  // namespace nvhook
