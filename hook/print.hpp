// SPDX-License-Identifier: Apache-2.0
// Prints to standard output and standard error without the C++ library's streams: starting those
// takes longer than everything that a container without a request needs (docs/performance.md). Each
// text is one write, so that the lines of several programs do not mix.
#pragma once

#include <unistd.h>

#include <string_view>

#include "os/files.hpp"

namespace nvhook {

/// Returns false and sets errno on failure.
[[nodiscard]] inline bool print(std::string_view text) noexcept {
  return write_all(STDOUT_FILENO, text);
}

/// Prints to standard error; a failure is ignored, because there is nowhere left to report it.
inline void complain(std::string_view text) noexcept {
  static_cast<void>(write_all(STDERR_FILENO, text));
}

}  // namespace nvhook
