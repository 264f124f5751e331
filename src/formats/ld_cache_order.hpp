// SPDX-License-Identifier: Apache-2.0
// The order of names in a loader cache.
#pragma once

#include <compare>
#include <cstddef>
#include <string_view>

namespace nvhook {

/// Compares names as the loader's binary search does (glibc `_dl_cache_libcmp`): runs of digits by
/// value, and digits after every other character. Two different names can be equal: `libx.so.01`
/// and `libx.so.1`.
[[nodiscard]] std::strong_ordering compare_cache_names(std::string_view a,
                                                       std::string_view b) noexcept;

/// Returns an upper bound of the pairs of characters that are compared when `count` names of at
/// most `longest` characters are sorted: each comparison reads a run of digits to its end.
[[nodiscard]] std::size_t sorting_work(std::size_t count, std::size_t longest) noexcept;

}  // namespace nvhook
