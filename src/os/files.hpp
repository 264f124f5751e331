// SPDX-License-Identifier: Apache-2.0
// Whole files by descriptor, with limits.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "text/read_at.hpp"

namespace nvhook {

/// All that is left to read of `fd`, or nothing with errno (EFBIG if it is more than `limit`
/// bytes). It costs least if it is `expected` bytes.
[[nodiscard]] std::optional<std::string> read_all(int fd, std::size_t limit,
                                                  std::size_t expected = 0);

/// Like read_all, but waits no longer than `deadline` in all (errno ETIMEDOUT), and returns as soon
/// as the bytes hold one whole JSON document, because a runtime may keep the pipe open.
[[nodiscard]] std::optional<std::string> read_document(int fd, std::size_t limit,
                                                       std::chrono::milliseconds deadline);

/// Reads `fd`, which must outlive it, at any offset; what cannot be read is as if it were not
/// there.
[[nodiscard]] ReadAt reader_of(int fd);

/// Writes all of `bytes`; false with errno.
[[nodiscard]] bool write_all(int fd, std::string_view bytes) noexcept;

/// Regular file at a host path, no link as its last component followed, never blocking; nothing
/// with errno.
[[nodiscard]] std::optional<std::string> read_host_file(const std::string& path, std::size_t limit);

}  // namespace nvhook
