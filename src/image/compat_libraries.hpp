// SPDX-License-Identifier: Apache-2.0
// Finds the CUDA forward compatibility libraries of an image.
#pragma once

#include <optional>
#include <string>

#include "image/container_facts.hpp"
#include "os/root_dir.hpp"
#include "text/note.hpp"

namespace nvhook {

/// Where CUDA's images have them.
inline constexpr const char* kCompatDirectory = "/usr/local/cuda/compat";

/// Returns the native libraries in `directory` of the image, resolved inside `rootfs`: one for each
/// SONAME, files with the version of libcuda before others, then by name. nullopt if there is no
/// such directory, if it has no `libcuda.so.<version>` or more than one, or if it has far more
/// names than a CUDA toolkit installs. Everything there is hostile: only regular files directly in
/// that directory are opened, without blocking, and a few hundred bytes of each are read. Unusable
/// files are reported in `notes`.
[[nodiscard]] std::optional<CompatLibraries> find_compat_libraries(const RootDir& rootfs,
                                                                   const std::string& directory,
                                                                   Notes& notes);

}  // namespace nvhook
