// SPDX-License-Identifier: Apache-2.0
// What shows that the host would be read as it was: files and directories that did not change.
#pragma once

#include <ctime>
#include <optional>
#include <vector>

#include "host/cache/cached_host.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// What decided each of `lookups` below `directory`: the directories in which a name or a link was
/// found or was missing, the files that were read, and names on the way that were not there. Each
/// once. Nothing if a link on the way cannot be read.
[[nodiscard]] std::optional<std::vector<CacheDependency>> dependencies_of(
    const std::vector<Lookup>& lookups, const RootDir& directory, HostRoot root);

/// Whether `dependency` tells the same now, of an object below `directory`.
[[nodiscard]] bool is_unchanged(const CacheDependency& dependency, const RootDir& directory);

/// Whether a change after `started`, when reading began, would show in `dependency`: two changes
/// within one tick of a file system's clock have the same time.
[[nodiscard]] bool is_settled(const CacheDependency& dependency, std::time_t started);

}  // namespace nvhook
