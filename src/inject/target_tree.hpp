// SPDX-License-Identifier: Apache-2.0
// Finds or makes the targets of mounts in the container's root file system, where everything is
// hostile.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "inject/layer_writer.hpp"
#include "os/root_dir.hpp"
#include "os/undo_stack.hpp"
#include "os/unique_fd.hpp"
#include "text/paths.hpp"

namespace nvhook {

/// A file or directory to mount over.
struct MountTarget {
  SharedFd fd = {};
  /// The directory it was made in, which is on the same mount; null if it existed before.
  SharedFd directory = {};
};

/// Finds and makes files and directories below one root. Returns only descriptors; names are
/// resolved once, inside the root. `writer` makes what is missing, and its removal goes to `undo`,
/// which also owns the descriptor; existing objects are never changed.
class TargetTree {
 public:
  TargetTree(const RootDir& rootfs, const OwnLayer& layer, const LayerWriter& writer,
             UndoStack& undo)
      : rootfs_(rootfs), layer_(layer), writer_(writer), undo_(undo) {}

  /// Returns a directory, made with its parents (0755) if missing. The descriptor stays open as
  /// long as this object. Throws Error(target_unusable, target_read_only, target_on_volume).
  [[nodiscard]] const LayerDirectory& directory(const ContainerPath& path);

  /// Returns the directory to mount over at `path`.
  [[nodiscard]] MountTarget directory_target(const ContainerPath& path);
  /// Returns the file, socket or device to mount over at `path`: anything but a directory, or a new
  /// empty file (0644). A link is followed inside the root; the target of a dangling one is made.
  [[nodiscard]] MountTarget file_target(const ContainerPath& path);

  /// Remembers to remove the link `link`, which we have just made, on failure if it still leads to
  /// `target`.
  void push_link_removal(const ContainerPath& link, const std::string& target);

 private:
  void push_removal(const LayerDirectory& parent, const std::string& name, const SharedFd& made,
                    int flags);
  [[nodiscard]] SharedFd make_directory(const ContainerPath& path, int depth);
  [[nodiscard]] SharedFd find_file(const ContainerPath& path);
  [[nodiscard]] MountTarget make_file(const ContainerPath& path, int depth);
  /// Calls throw_target_error, after finding which directory on the path is in the way.
  [[noreturn]] void fail(const ContainerPath& path, const std::string& action) const;

  const RootDir& rootfs_;
  const OwnLayer& layer_;
  const LayerWriter& writer_;
  UndoStack& undo_;
  std::map<ContainerPath, LayerDirectory> directories_ = {};
};

/// Throws the Error for the errno of a failed creation at `path` in the container.
[[noreturn]] void throw_target_error(const ContainerPath& path, const std::string& action);

}  // namespace nvhook
