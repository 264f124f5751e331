// SPDX-License-Identifier: Apache-2.0
// The container's root file system as the place where targets are found or made: everything in it
// is hostile.
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

/// What is to be mounted over.
struct MountTarget {
  SharedFd fd = {};
  /// That it was made in, and so is on the mount of; null if it was there already.
  SharedFd directory = {};
};

/// Finds and makes files and directories below one root. Only descriptors are handed out; names are
/// resolved once, inside the root. What is made is made by `writer`, and its inverse goes to
/// `undo`, which owns the descriptor too; what was there is never changed.
class TargetTree {
 public:
  TargetTree(const RootDir& rootfs, const OwnLayer& layer, const LayerWriter& writer,
             UndoStack& undo)
      : rootfs_(rootfs), layer_(layer), writer_(writer), undo_(undo) {}

  /// A directory, made with its parents (0755) where it is missing. The descriptor stays valid as
  /// long as this object. Throws Error(target_unusable, target_read_only, target_on_volume).
  [[nodiscard]] const LayerDirectory& directory(const ContainerPath& path);

  /// The directory to mount over at `path`.
  [[nodiscard]] MountTarget directory_target(const ContainerPath& path);
  /// The file, socket or device to mount over at `path`: anything but a directory, or an empty file
  /// made for it (0644). A link is followed inside the root; what a dangling one names is made.
  [[nodiscard]] MountTarget file_target(const ContainerPath& path);

  /// Remembers that the link `link` was just made by us and is to be removed again, if it still
  /// leads to `target`.
  void push_link_removal(const ContainerPath& link, const std::string& target);

 private:
  void push_removal(const LayerDirectory& parent, const std::string& name, const SharedFd& made,
                    int flags);
  [[nodiscard]] SharedFd make_directory(const ContainerPath& path, int depth);
  [[nodiscard]] SharedFd find_file(const ContainerPath& path);
  [[nodiscard]] MountTarget make_file(const ContainerPath& path, int depth);
  /// throw_target_error that names what is in the way.
  [[noreturn]] void fail(const ContainerPath& path, const std::string& action) const;

  const RootDir& rootfs_;
  const OwnLayer& layer_;
  const LayerWriter& writer_;
  UndoStack& undo_;
  std::map<ContainerPath, LayerDirectory> directories_ = {};
};

/// Error for the errno of a failed creation at `path` in the container.
[[noreturn]] void throw_target_error(const ContainerPath& path, const std::string& action);

}  // namespace nvhook
