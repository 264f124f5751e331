// SPDX-License-Identifier: Apache-2.0
// Edits musl's search path file, /etc/ld-musl-<arch>.path.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/paths.hpp"

namespace nvhook {

/// Returns `existing` with the missing `directories` appended, one per line. If there is no file,
/// the loader's built-in path comes first. Colons and newlines separate (musl's ldso/dynlink.c).
[[nodiscard]] std::string extend_musl_path(const std::optional<std::string>& existing,
                                           const std::vector<ContainerPath>& directories);

/// Returns those of `directories` that extend_musl_path() would append.
[[nodiscard]] std::vector<ContainerPath> missing_in_musl_path(
    const std::optional<std::string>& existing, const std::vector<ContainerPath>& directories);

/// Returns `existing` without the lines that are one of `directories` and nothing else, as
/// extend_musl_path() writes them.
[[nodiscard]] std::string shrink_musl_path(std::string_view existing,
                                           const std::vector<ContainerPath>& directories);

}  // namespace nvhook
