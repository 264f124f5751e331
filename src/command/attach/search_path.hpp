// SPDX-License-Identifier: Apache-2.0
// The lines of musl's path file that attach adds, and that go with the last GPU.
#pragma once

#include <string>
#include <vector>

#include "command/attach/live_container.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// Returns the directories that `plan` adds to the path file of musl's loader, before it is
/// applied. Empty in images with another loader.
[[nodiscard]] std::vector<std::string> lines_to_add(const Plan& plan,
                                                    const LiveContainer& container);

/// Adds to `steps` that these `lines` go from the file, or the file that attach has mounted over a
/// read-only one. What is no such line stays.
void take_away_lines(const std::vector<std::string>& lines, const LiveContainer& container,
                     Plan& steps);

}  // namespace nvhook
