// SPDX-License-Identifier: Apache-2.0
// A small tmpfs, filled while nobody sees it.
#pragma once

#include <sys/types.h>

#include <string>

#include "os/unique_fd.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// A detached tmpfs (nosuid, nodev, noexec) for `mount`, empty, of `uid`:`gid`. Throws
/// Error(mount_failed).
[[nodiscard]] UniqueFd make_detached_tmpfs(const TmpfsMount& mount, uid_t uid, gid_t gid);

/// The same as mount(2) wants it.
[[nodiscard]] std::string tmpfs_options(const TmpfsMount& mount, uid_t uid, gid_t gid);

/// The name of the file on a tmpfs_with_file().
inline constexpr const char* kFileOfTmpfs = "file";

/// A tmpfs for one file of this content (0444) and nothing more.
[[nodiscard]] TmpfsMount tmpfs_with_file(const std::string& content, const std::string& label);

/// Puts `mount`'s entries into the tmpfs, all of `uid`:`gid`. Throws Error(mount_failed).
void fill_tmpfs(int tmpfs, const TmpfsMount& mount, uid_t uid, gid_t gid);

}  // namespace nvhook
