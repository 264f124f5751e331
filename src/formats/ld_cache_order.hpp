// SPDX-License-Identifier: Apache-2.0
// The order of names in a loader cache.
#pragma once

#include <compare>
#include <cstddef>
#include <string_view>

namespace nvhook {

/// Order of names in the loader's binary search (glibc `_dl_cache_libcmp`): runs of digits by value
/// and behind every other character. Two different names can be equal: `libx.so.01` and
/// `libx.so.1`.
[[nodiscard]] std::strong_ordering compare_cache_names(std::string_view a,
                                                       std::string_view b) noexcept;

/// How many pairs of characters sorting `count` names of at most `longest` characters looks at, at
/// most: a run of digits is read to its end in each comparison.
[[nodiscard]] std::size_t sorting_work(std::size_t count, std::size_t longest) noexcept;

}  // namespace nvhook
