// SPDX-License-Identifier: Apache-2.0
// User-space RESOLVE_IN_ROOT and other restrictions, for kernels without openat2.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "os/unique_fd.hpp"

namespace nvhook {

/// Opens `path` relative to `directory` as openat2 does with the same `flags`, `mode` and `resolve`
/// (RESOLVE_IN_ROOT, _BENEATH, _NO_SYMLINKS, _NO_MAGICLINKS, _NO_XDEV). Returns an empty descriptor
/// with errno on failure; EAGAIN if a name changed its object during the walk.
///
/// The kernel never follows a link here: its text is read from the link's own descriptor and walked
/// like the rest. `..` returns to the directory that the walk came from, even if it was renamed
/// meanwhile, and never goes above `directory`. Stricter than openat2: every link of procfs below
/// its top directory counts as magic, and a path deeper than the limit on descriptors fails with
/// EMFILE.
[[nodiscard]] UniqueFd walk_path(int directory, const char* path, std::uint64_t flags,
                                 std::uint64_t resolve, mode_t mode) noexcept;

}  // namespace nvhook
