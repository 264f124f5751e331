// SPDX-License-Identifier: Apache-2.0
// Opens a path of the host that users other than root may have made, without trusting them and
// without waiting for them.
#pragma once

#include <string>

#include "os/root_dir.hpp"

namespace nvhook {

/// Who may have made the object at a path: anybody who can write there, or only root.
enum class MadeBy { anybody, root };

/// The object at a path.
struct PlaceView {
  /// Opened with O_PATH; empty if nothing is there, or nothing that may be used.
  UniqueFd fd = UniqueFd();
  FileStatus status = {};
  /// Why the object must not be used; empty if it may be, and if nothing is there.
  std::string why_not = {};
};

/// Looks at `path` below `root`, component by component. A link is followed unless it is the last
/// component.
///
/// Never asks a file system that a user's program (FUSE) or another machine (NFS) would have to
/// answer for: a mount below the top directories of `root` may be used only if the kernel reports a
/// local type. With `made_by` root each component must belong to root and must not be writable by
/// others; only sticky directories (/tmp) above the last component are accepted.
///
/// Never throws for what it finds, because the object is optional and an attacker may have made it.
[[nodiscard]] PlaceView look_at_place(const RootDir& root, const std::string& path, MadeBy made_by);

}  // namespace nvhook
