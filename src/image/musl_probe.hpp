// SPDX-License-Identifier: Apache-2.0
// Whether an image's programs are loaded by musl (Alpine), whose loader reads no cache.
#pragma once

#include "os/root_dir.hpp"
#include "text/paths.hpp"

namespace nvhook {

/// The file that tells the image's musl where libraries are, whether it exists or not; empty if the
/// image has no musl, or has it beside Debian's glibc. Reads names only; everything below `rootfs`
/// is hostile. Name: musl ldso/dynlink.c, load_library.
[[nodiscard]] ContainerPath find_musl_path_file(const RootDir& rootfs);

}  // namespace nvhook
