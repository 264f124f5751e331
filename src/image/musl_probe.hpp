// SPDX-License-Identifier: Apache-2.0
// Finds out whether musl's loader, which has no cache, loads the image's programs (Alpine).
#pragma once

#include "os/root_dir.hpp"
#include "text/paths.hpp"

namespace nvhook {

/// Returns the file in which the image's musl finds library directories, whether it exists or not;
/// empty if the image has no musl, or has it beside Debian's glibc. Looks at names only; everything
/// below `rootfs` is hostile. Source of the name: musl ldso/dynlink.c, load_library.
[[nodiscard]] ContainerPath find_musl_path_file(const RootDir& rootfs);

}  // namespace nvhook
