// SPDX-License-Identifier: Apache-2.0
// A place of the host that others than root may have made: looked at without believing them, and
// without waiting for them.
#pragma once

#include <string>

#include "os/root_dir.hpp"

namespace nvhook {

/// Who may have made what stands at a path: whoever can write there, or root alone.
enum class MadeBy { anybody, root };

/// What stands at a path.
struct PlaceView {
  /// Opened with O_PATH; empty if nothing is there, or nothing that may be used.
  UniqueFd fd = UniqueFd();
  FileStatus status = {};
  /// Why it may not be used; empty if it may, and if nothing is there.
  std::string why_not = {};
};

/// Looks at `path` below `root`, component by component; a link is followed unless it is the last.
///
/// No file system is asked anything that a user's program (FUSE) or another machine (NFS) would
/// have to answer: a mount below the top directories of `root` may be used only if the kernel says
/// that it is of a local kind. With `made_by` root each component must belong to root and be
/// writable by nobody else; only above the last one sticky directories (/tmp) are let pass.
///
/// Never throws for what it finds: that is optional, and somebody may have made it to be in the
/// way.
[[nodiscard]] PlaceView look_at_place(const RootDir& root, const std::string& path, MadeBy made_by);

}  // namespace nvhook
