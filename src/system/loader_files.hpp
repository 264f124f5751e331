// SPDX-License-Identifier: Apache-2.0
// The files that tell the container's loader where libraries are, each replaced as a whole.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/note.hpp"
#include "core/plan.hpp"
#include "system/target_tree.hpp"
#include "system/undo_stack.hpp"

namespace nvhook {

/// glibc's. Its directory is resolved before anything is attached.
inline const ContainerPath kLoaderCache{"/etc/ld.so.cache"};

/// The new content of a file of the image, which lies beside it under another name.
struct Replacement {
  int directory = -1;  ///< the TargetTree's
  ContainerPath path;
  std::string temporary = {};
};

/// An /etc/ld.so.cache that also knows `entries` (core/ld_cache.hpp). Nothing is written through
/// what the image has there: a new file is to take its name. That it goes again is given to `undo`.
/// Nothing if there is nothing to change. A read-only /etc is a note: libraries in the loader's
/// default directories are found without the cache. Throws Error(loader_cache_failed).
[[nodiscard]] std::optional<Replacement> write_loader_cache(TargetTree& tree,
                                                            const std::vector<LoaderEntry>& entries,
                                                            UndoStack& undo, Notes& notes);

/// The same for musl's search path: the file at `path.file` also names `path.directories`.
[[nodiscard]] std::optional<Replacement> write_loader_path(TargetTree& tree, const LoaderPath& path,
                                                           UndoStack& undo, Notes& notes);

/// Gives each of `replacements` the name of the file that it replaces, as the last thing that can
/// fail: so the last one needs no way back, and those before it keep the old file, whose return
/// goes to `undo`. What is returned lets those go. Throws Error(loader_cache_failed).
[[nodiscard]] std::vector<std::function<void()>> put_in_place(
    const std::vector<Replacement>& replacements, const TargetTree& tree, UndoStack& undo);

}  // namespace nvhook
