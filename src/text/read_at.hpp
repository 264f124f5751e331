// SPDX-License-Identifier: Apache-2.0
// The function through which a parser reads a file that it does not open itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace nvhook {

/// Reads up to `size` bytes at `offset`. Returns what there is, which is less at the end of the
/// file.
using ReadAt = std::function<std::string(std::uint64_t offset, std::size_t size)>;

}  // namespace nvhook
