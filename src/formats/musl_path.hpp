// SPDX-License-Identifier: Apache-2.0
// The file that tells musl's loader where libraries are: /etc/ld-musl-<arch>.path.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "text/paths.hpp"

namespace nvhook {

/// `existing` with the directories that are missing in it, at its end, one per line; without a file
/// the loader's built-in path comes first. musl's ldso/dynlink.c: colons and newlines separate.
[[nodiscard]] std::string extend_musl_path(const std::optional<std::string>& existing,
                                           const std::vector<ContainerPath>& directories);

}  // namespace nvhook
