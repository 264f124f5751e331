// SPDX-License-Identifier: Apache-2.0
// Standard output and standard error without the C++ library's streams, whose start takes longer
// than all that a container without a request needs (docs/performance.md). Each text in one write,
// so that those of several programs do not mix.
#pragma once

#include <unistd.h>

#include <string_view>

#include "os/files.hpp"

namespace nvhook {

/// False with errno.
[[nodiscard]] inline bool print(std::string_view text) noexcept {
  return write_all(STDOUT_FILENO, text);
}

/// On standard error, where there is nobody left to tell of a failure.
inline void complain(std::string_view text) noexcept {
  static_cast<void>(write_all(STDERR_FILENO, text));
}

}  // namespace nvhook
