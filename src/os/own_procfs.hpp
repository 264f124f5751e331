// SPDX-License-Identifier: Apache-2.0
// Our own procfs: what the kernel tells of our descriptors by their numbers, and by no other path.
#pragma once

#include <string>

#include "os/unique_fd.hpp"

namespace nvhook {

/// The root of the procfs on /proc, verified to be one; -1 if there is none. It is opened by the
/// first call, which must come before another mount namespace is entered, and stays that one.
[[nodiscard]] int own_procfs() noexcept;

/// The name below own_procfs() that leads to the very object of `fd`.
[[nodiscard]] std::string name_in_procfs(int fd);

/// The path of `fd` below the root of this process; empty, with errno, if it has none.
[[nodiscard]] std::string path_in_procfs(int fd);

/// The very object of `fd`, which was opened with O_PATH, for reading: nobody can have put another
/// one under its name meanwhile. Invalid, with errno, if it cannot be opened.
[[nodiscard]] UniqueFd open_to_read(int fd);

/// A socket of `type` (SOCK_STREAM, SOCK_DGRAM), without waiting, that is connected to the very
/// AF_UNIX socket of `fd`, which was opened with O_PATH. Afterwards the working directory is our
/// own procfs, where the kernel looks the name up. Invalid, with errno, if nobody is there.
[[nodiscard]] UniqueFd connect_to(int fd, int type);

}  // namespace nvhook
