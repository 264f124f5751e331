// SPDX-License-Identifier: Apache-2.0
// Shows a change of a text as `diff -u` does.
#pragma once

#include <optional>
#include <string>

#include "command/render/style.hpp"

namespace nvhook {

/// Returns the unified diff of the file `path`, which `patch` can apply; empty if both texts are
/// equal. nullopt means that there is no file. Lines are printed with printable().
[[nodiscard]] std::string unified_diff(const std::string& path,
                                       const std::optional<std::string>& before,
                                       const std::optional<std::string>& after,
                                       const Style& style = {});

}  // namespace nvhook
