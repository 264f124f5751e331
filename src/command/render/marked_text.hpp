// SPDX-License-Identifier: Apache-2.0
// Puts lines into a configuration file with `#` comments, between marks, so that they can be
// removed again and every other byte is as it was.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace nvhook {

inline constexpr std::string_view kBlockBegin = "# oci-nvidia setup: begin";
inline constexpr std::string_view kBlockEnd = "# oci-nvidia setup: end";

/// Returns `text` with `lines` between marks before line `at` (counted from 0). If there are not
/// more than `at` lines, they go to the end.
[[nodiscard]] std::string with_block(std::string_view text, std::size_t at,
                                     const std::vector<std::string>& lines);

/// Returns `text` with `lines` instead of line `at`, which stays in the block as a comment.
[[nodiscard]] std::string with_replaced_line(std::string_view text, std::size_t at,
                                             const std::vector<std::string>& lines);

/// Returns `text` as it was before with_block and with_replaced_line; changes that were made
/// outside of the blocks since then stay. Throws Error(config_invalid) with `filename` and line if
/// a block has no end.
[[nodiscard]] std::string without_blocks(std::string_view text, const std::string& filename);

}  // namespace nvhook
