// SPDX-License-Identifier: Apache-2.0
// Lines put into a configuration file that knows `#` comments, between marks, so that they can be
// taken out again and every other byte is as it was.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace nvhook {

inline constexpr std::string_view kBlockBegin = "# oci-nvidia setup: begin";
inline constexpr std::string_view kBlockEnd = "# oci-nvidia setup: end";

/// `text` with `lines` between marks before its line `at` (from 0); its number of lines, or more,
/// means the end.
[[nodiscard]] std::string with_block(std::string_view text, std::size_t at,
                                     const std::vector<std::string>& lines);

/// `text` with `lines` in the place of its line `at`, which stays in the block as a comment.
[[nodiscard]] std::string with_replaced_line(std::string_view text, std::size_t at,
                                             const std::vector<std::string>& lines);

/// `text` as it was before with_block and with_replaced_line, whatever was changed outside of the
/// blocks since. Throws Error(config_invalid) with `filename` and line if a block does not end.
[[nodiscard]] std::string without_blocks(std::string_view text, const std::string& filename);

}  // namespace nvhook
