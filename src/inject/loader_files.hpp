// SPDX-License-Identifier: Apache-2.0
// Updates the files in which the container's loader looks for libraries; each is replaced or
// covered as a whole.
#pragma once

#include <cstddef>
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

/// The cache of glibc's loader.
inline const ContainerPath kLoaderCache{"/etc/ld.so.cache"};

/// A file of the loader as the image has it, found before anything is attached.
struct LoaderFile {
  ContainerPath path = {};
  /// nullopt if the directory does not exist and must not be made.
  std::optional<LayerDirectory> directory = {};
  /// The object with that name, a link not followed; null if there is none.
  SharedFd named = {};
  /// The regular file that programs see at `path`; null if there is none.
  SharedFd seen = {};
  /// The file itself is a mount, so that no other file can be renamed over it.
  bool is_mount = false;
};

/// Looks at `path`. Makes its directory if that is missing and may be made.
[[nodiscard]] LoaderFile find_loader_file(const RootDir& rootfs, TargetTree& tree,
                                          const ContainerPath& path);

/// Which libraries of the driver programs would not find if a file stayed as it is.
enum class LoaderNeed {
  none,         ///< none: musl's loader reads no cache
  unusual,      ///< those outside of the loader's default directories
  the_drivers,  ///< all: they lie in a directory of ours
};

/// How a file gets its new content.
enum class LoaderUpdate {
  rename,  ///< another file takes its name, in a directory of the container's own
  cover,   ///< another file is mounted over it; a volume stays as it is
};

/// The old content of a file, and its content with the plan's libraries.
struct LoaderText {
  std::string before = {};
  std::string after = {};
  std::string without_libraries = {};  ///< content of a new file without our libraries
};

/// Returns an /etc/ld.so.cache with `entries` added and without `stale` (formats/ld_cache.hpp),
/// made from the content that counts for this way of updating. Throws Error(loader_cache_failed).
[[nodiscard]] LoaderText new_loader_cache(const LoaderFile& file, LoaderUpdate update,
                                          const std::vector<LoaderEntry>& entries,
                                          const std::vector<LoaderEntry>& stale, Notes& notes);
/// The same without `entries`.
[[nodiscard]] LoaderText shrunk_loader_cache(const LoaderFile& file,
                                             const std::vector<LoaderEntry>& entries, Notes& notes);
/// The same for musl's path file, with `directories` added.
[[nodiscard]] LoaderText new_loader_path(const LoaderFile& file, LoaderUpdate update,
                                         const std::vector<ContainerPath>& directories,
                                         Notes& notes);

/// The new content of a file of the image, which lies beside it under a temporary name.
struct Replacement {
  LayerDirectory directory;
  ContainerPath path;
  std::string temporary = {};
};

/// Returns what programs see at the path of `file`; nullopt if there is no regular file, or one of
/// more than `limit` bytes. Throws Error(loader_cache_failed).
[[nodiscard]] std::optional<std::string> text_of(const LoaderFile& file, std::size_t limit);

/// Writes a new file that can take the name of `file`; existing files are never written to. Its
/// removal goes to `undo`. Returns nullopt, with errno, if the directory cannot be written after
/// all (EROFS, EACCES) or its file system is full. Throws Error(loader_cache_failed).
[[nodiscard]] std::optional<Replacement> write_beside(const LayerWriter& writer,
                                                      const LoaderFile& file,
                                                      const std::string& text, UndoStack& undo);

/// Makes a file with this content at the path of `file`, where there is none; its removal goes to
/// `undo`. Throws Error(loader_cache_failed).
[[nodiscard]] SharedFd make_loader_file(const LayerWriter& writer, const LoaderFile& file,
                                        const std::string& text, UndoStack& undo);

/// Renames each of `replacements` over its file. This must be the last step that can fail: then the
/// last rename needs no way back. The old files of the others are kept under a second name, and
/// their return goes to `undo`. The returned functions remove these second names. Throws
/// Error(loader_cache_failed).
[[nodiscard]] std::vector<std::function<void()>> put_in_place(
    const std::vector<Replacement>& replacements, const LayerWriter& writer, UndoStack& undo);

}  // namespace nvhook
