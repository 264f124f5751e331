// SPDX-License-Identifier: Apache-2.0
// What openat2 does, where there is none: a path is walked by descriptors, component by component.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "os/unique_fd.hpp"

namespace nvhook {

/// Opens `path` relative to `directory` as openat2 does with the same `flags`, `mode` and `resolve`
/// (RESOLVE_IN_ROOT, _BENEATH, _NO_SYMLINKS, _NO_MAGICLINKS, _NO_XDEV); empty with errno if that
/// fails, EAGAIN if a name came to mean another object meanwhile.
///
/// No link is ever followed by the kernel: its text is read from the link's own descriptor and
/// walked like the rest. `..` goes back to the directory that we came from, whatever was renamed
/// meanwhile, and never above `directory`. Stricter than openat2: every link of procfs below its
/// top directory counts as magic, and a path deeper than there are descriptors fails with EMFILE.
[[nodiscard]] UniqueFd walk_path(int directory, const char* path, std::uint64_t flags,
                                 std::uint64_t resolve, mode_t mode) noexcept;

}  // namespace nvhook
