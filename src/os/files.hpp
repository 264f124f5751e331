// SPDX-License-Identifier: Apache-2.0
// Reads and writes whole files by descriptor, with limits.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "text/read_at.hpp"

namespace nvhook {

/// Reads `fd` to its end. Returns nullopt with errno on failure (EFBIG if there are more than
/// `limit` bytes). Fastest if `expected` is the number of bytes.
[[nodiscard]] std::optional<std::string> read_all(int fd, std::size_t limit,
                                                  std::size_t expected = 0);

/// As read_all(), but waits at most for `deadline` in all (errno ETIMEDOUT), and returns as soon as
/// the bytes hold one whole JSON document, because a runtime may keep the pipe open.
[[nodiscard]] std::optional<std::string> read_document(int fd, std::size_t limit,
                                                       std::chrono::milliseconds deadline);

/// Returns a function that reads `fd` at any offset. `fd` must outlive it. At an impossible offset
/// it returns no bytes; it throws Error(internal) on a read error.
[[nodiscard]] ReadAt reader_of(int fd);

/// Writes all of `bytes`. Returns false with errno on failure.
[[nodiscard]] bool write_all(int fd, std::string_view bytes) noexcept;

/// Reads the regular file at `path` on the host, without blocking. A link as the last component is
/// not followed. Returns nullopt with errno on failure.
[[nodiscard]] std::optional<std::string> read_host_file(const std::string& path, std::size_t limit);

}  // namespace nvhook
