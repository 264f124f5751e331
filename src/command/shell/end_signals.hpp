// SPDX-License-Identifier: Apache-2.0
// The signals that end a command which goes on until then.
#pragma once

#include <chrono>
#include <csignal>

#include "os/unique_fd.hpp"

namespace nvhook {

/// While it lives, SIGINT, SIGTERM and SIGHUP do not end the process: waits for anything end then.
class EndSignals {
 public:
  /// Throws Error(internal).
  EndSignals();
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;
  EndSignals(EndSignals&&) = delete;
  EndSignals& operator=(EndSignals&&) = delete;
  ~EndSignals();

  /// Waits until `fd` (if it is not negative) can be read, a signal comes, or the time is over
  /// (negative: for ever). Returns whether a signal has come.
  [[nodiscard]] bool wait(int fd, std::chrono::milliseconds time) const;

 private:
  UniqueFd signals_ = UniqueFd();
  sigset_t before_{};
};

}  // namespace nvhook
