// SPDX-License-Identifier: Apache-2.0
// The files that tell the container's loader where libraries are, each replaced as a whole.
#pragma once

#include <functional>
#include <vector>

#include "core/note.hpp"
#include "core/plan.hpp"
#include "system/target_tree.hpp"
#include "system/undo_stack.hpp"

namespace nvhook {

/// glibc's. Its directory is resolved before anything is attached.
inline const ContainerPath kLoaderCache{"/etc/ld.so.cache"};

/// Replaces /etc/ld.so.cache by one that also knows `entries` (core/ld_cache.hpp). Nothing is
/// written through what the image has there: a new file takes its name. Until commit the old file
/// is kept, and its return goes to `undo`; the returned function lets it go. A read-only /etc is a
/// note: libraries in the loader's default directories are found without the cache. Throws
/// Error(loader_cache_failed).
[[nodiscard]] std::function<void()> replace_loader_cache(TargetTree& tree,
                                                         const std::vector<LoaderEntry>& entries,
                                                         UndoStack& undo, Notes& notes);

/// The same for musl's search path: the file at `path.file` also names `path.directories`.
[[nodiscard]] std::function<void()> extend_loader_path(TargetTree& tree, const LoaderPath& path,
                                                       UndoStack& undo, Notes& notes);

}  // namespace nvhook
