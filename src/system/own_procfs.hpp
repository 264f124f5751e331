// SPDX-License-Identifier: Apache-2.0
// Our own procfs: what the kernel tells of our descriptors by their numbers, and by no other path.
#pragma once

#include <string>

namespace nvhook {

/// The root of the procfs on /proc, verified to be one; -1 if there is none. It is opened by the
/// first call, which must come before another mount namespace is entered, and stays that one.
[[nodiscard]] int own_procfs() noexcept;

/// The name below own_procfs() that leads to the very object of `fd`.
[[nodiscard]] std::string name_in_procfs(int fd);

}  // namespace nvhook
