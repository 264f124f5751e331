// SPDX-License-Identifier: Apache-2.0
// What was changed in a text, as `diff -u` shows it.
#pragma once

#include <optional>
#include <string>

#include "command/render/style.hpp"

namespace nvhook {

/// The unified diff, which `patch` applies, of the file `path`; absent text means no file. Empty
/// where both are the same. The rest is shown as printable() makes it.
[[nodiscard]] std::string unified_diff(const std::string& path,
                                       const std::optional<std::string>& before,
                                       const std::optional<std::string>& after,
                                       const Style& style = {});

}  // namespace nvhook
