// SPDX-License-Identifier: Apache-2.0
// Finds the files and directories on which a reading of the host depends, and checks them again.
#pragma once

#include <ctime>
#include <optional>
#include <vector>

#include "host/cache/cached_host.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// Returns what decided the result of each of `lookups` below `directory`: the directories in which
/// a name or a link was found or was missing, the files that were read, and directories on the way
/// that do not exist. Each is returned once. nullopt if a link on the way cannot be read.
[[nodiscard]] std::optional<std::vector<CacheDependency>> dependencies_of(
    const std::vector<Lookup>& lookups, const RootDir& directory, HostRoot root);

/// Whether the object of `dependency` below `directory` has the recorded status (or is still
/// absent).
[[nodiscard]] bool is_unchanged(const CacheDependency& dependency, const RootDir& directory);

/// Whether every change after `started`, the time at which reading began, would be visible in
/// `dependency`. Two changes within one tick of a file system's clock have the same time.
[[nodiscard]] bool is_settled(const CacheDependency& dependency, std::time_t started);

}  // namespace nvhook
