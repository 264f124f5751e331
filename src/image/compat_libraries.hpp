// SPDX-License-Identifier: Apache-2.0
// Finds the CUDA forward compatibility libraries that an image brought along.
#pragma once

#include <optional>

#include "image/container_facts.hpp"
#include "os/root_dir.hpp"
#include "text/note.hpp"

namespace nvhook {

/// The native libraries in /usr/local/cuda/compat of the image, resolved inside `rootfs`; one for
/// each SONAME, a file with the version of libcuda before others, then by name. Nothing if there is
/// no such directory, if it has none or more than one `libcuda.so.<version>`, or far more names
/// than a toolkit installs. Everything there is hostile: only regular files that lie in that very
/// directory are opened, never blocking, and of each a few hundred bytes are read. What is there
/// and of no use is told in `notes`.
[[nodiscard]] std::optional<CompatLibraries> find_compat_libraries(const RootDir& rootfs,
                                                                   Notes& notes);

}  // namespace nvhook
