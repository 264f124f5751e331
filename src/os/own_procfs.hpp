// SPDX-License-Identifier: Apache-2.0
// A verified procfs root, for /proc/self/fd lookups that do not trust /proc.
#pragma once

#include <string>

#include "os/unique_fd.hpp"

namespace nvhook {

/// Returns the root of the procfs on /proc; -1 if /proc is not a procfs. The first call opens it
/// and must come before another mount namespace is entered.
[[nodiscard]] int own_procfs() noexcept;

/// Returns the name below own_procfs() that leads to the object of `fd` itself.
[[nodiscard]] std::string name_in_procfs(int fd);

/// Returns the path of `fd` below the root of this process; empty, with errno, if it has none.
[[nodiscard]] std::string path_in_procfs(int fd);

/// Opens for reading the object of `fd`, which was opened with O_PATH. Nobody can exchange it, as
/// they could with a path. Returns an invalid descriptor, with errno, if it cannot be opened.
[[nodiscard]] UniqueFd open_to_read(int fd);

/// Returns a non-blocking socket of `type` (SOCK_STREAM, SOCK_DGRAM) that is connected to the
/// AF_UNIX socket of `fd`, which was opened with O_PATH. Afterwards the working directory is
/// own_procfs(), where the kernel looks the name up. Returns an invalid descriptor, with errno, if
/// nobody listens.
[[nodiscard]] UniqueFd connect_to(int fd, int type);

}  // namespace nvhook
