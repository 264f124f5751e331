// SPDX-License-Identifier: Apache-2.0
// What somebody probably meant who mistyped a word.
#pragma once

#include <string_view>
#include <vector>

namespace nvhook {

/// Returns the one of `known` that `word` is probably a misspelling of: at most two typing errors
/// and a third of its letters away (inserted, left out, replaced, or swapped with the next). Empty
/// if there is none.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       const std::vector<std::string_view>& known);

}  // namespace nvhook
