// SPDX-License-Identifier: Apache-2.0
// Makes a small tmpfs and fills it before it is attached.
#pragma once

#include <sys/types.h>

#include <string>

#include "os/unique_fd.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// Makes a detached, empty tmpfs (nosuid, nodev, noexec) for `mount`, owned by `uid`:`gid`. Throws
/// Error(mount_failed).
[[nodiscard]] UniqueFd make_detached_tmpfs(const TmpfsMount& mount, uid_t uid, gid_t gid);

/// Returns the same settings as options for mount(2).
[[nodiscard]] std::string tmpfs_options(const TmpfsMount& mount, uid_t uid, gid_t gid);

/// Name of the file on a tmpfs_with_file().
inline constexpr const char* kFileOfTmpfs = "file";

/// Describes a tmpfs with one file of this content (0444).
[[nodiscard]] TmpfsMount tmpfs_with_file(const std::string& content, const std::string& label);

/// Makes `mount`'s entries on the tmpfs, all owned by `uid`:`gid`. Throws Error(mount_failed).
void fill_tmpfs(int tmpfs, const TmpfsMount& mount, uid_t uid, gid_t gid);

/// Whether `fd` is on a tmpfs.
[[nodiscard]] bool is_tmpfs(int fd) noexcept;

/// Whether the directory `fd` is on a tmpfs and has an entry of ours: `entry`, below it. A tmpfs
/// that the user mounted at the same place has none.
[[nodiscard]] bool is_tmpfs_with(int fd, const std::string& entry) noexcept;

}  // namespace nvhook
