// SPDX-License-Identifier: Apache-2.0
// The files that tell the container's loader where libraries are, each replaced or covered as a
// whole.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "inject/layer_writer.hpp"
#include "inject/target_tree.hpp"
#include "os/root_dir.hpp"
#include "os/undo_stack.hpp"
#include "os/unique_fd.hpp"
#include "plan/plan.hpp"
#include "text/note.hpp"

namespace nvhook {

/// glibc's.
inline const ContainerPath kLoaderCache{"/etc/ld.so.cache"};

/// A file of the loader's as the image has it, found before anything is attached.
struct LoaderFile {
  ContainerPath path = {};
  /// None if there is none and none may be made.
  std::optional<LayerDirectory> directory = {};
  /// What has the name; null if nothing has. A link is not followed.
  SharedFd named = {};
  /// The regular file that programs see there; null if there is none.
  SharedFd seen = {};
  /// It is itself a mount, whose name no other file can take.
  bool is_mount = false;
};

/// Looks at `path`, whose directory is made if it is missing and may be.
[[nodiscard]] LoaderFile find_loader_file(const RootDir& rootfs, TargetTree& tree,
                                          const ContainerPath& path);

/// How a file gets its new content.
enum class LoaderUpdate {
  rename,  ///< another file takes its name: in a directory of the container's own
  cover,   ///< another file is mounted over it: a volume stays as it is
};

/// The content of `file` with the plan's libraries, and what it was made of.
struct LoaderText {
  std::string before = {};
  std::string after = {};
  std::string without_libraries = {};  ///< what a new file would say that names none of ours
};

/// An /etc/ld.so.cache that also knows `entries` (core/ld_cache.hpp), made of what `file` has for
/// this way of updating it. Throws Error(loader_cache_failed).
[[nodiscard]] LoaderText new_loader_cache(const LoaderFile& file, LoaderUpdate update,
                                          const std::vector<LoaderEntry>& entries, Notes& notes);
/// The same for musl's search path, which also names `directories`.
[[nodiscard]] LoaderText new_loader_path(const LoaderFile& file, LoaderUpdate update,
                                         const std::vector<ContainerPath>& directories,
                                         Notes& notes);

/// The new content of a file of the image, which lies beside it under another name.
struct Replacement {
  LayerDirectory directory;
  ContainerPath path;
  std::string temporary = {};
};

/// Nothing is written through what the image has there: a new file is to take its name. That it
/// goes again is given to `undo`. Nothing, with errno, if the directory cannot be written after all
/// (EROFS, EACCES) or its file system has no room. Throws Error(loader_cache_failed).
[[nodiscard]] std::optional<Replacement> write_beside(const LayerWriter& writer,
                                                      const LoaderFile& file,
                                                      const std::string& text, UndoStack& undo);

/// A new file of this content at the place of `file`, where there is none; its inverse goes to
/// `undo`. Throws Error(loader_cache_failed).
[[nodiscard]] SharedFd make_loader_file(const LayerWriter& writer, const LoaderFile& file,
                                        const std::string& text, UndoStack& undo);

/// Gives each of `replacements` the name of the file that it replaces, as the last thing that can
/// fail: so the last one needs no way back, and those before it keep the old file, whose return
/// goes to `undo`. What is returned lets those go. Throws Error(loader_cache_failed).
[[nodiscard]] std::vector<std::function<void()>> put_in_place(
    const std::vector<Replacement>& replacements, const LayerWriter& writer, UndoStack& undo);

}  // namespace nvhook
