// SPDX-License-Identifier: Apache-2.0
// Waits between two samples, and ends cleanly by Ctrl-C.
#pragma once

#include <chrono>
#include <csignal>

namespace nvhook {

/// While it lives, SIGINT, SIGTERM and SIGHUP do not end the process: wait() returns false instead,
/// so that what is being written is written as a whole.
class Interval {
 public:
  explicit Interval(double seconds);
  Interval(const Interval&) = delete;
  Interval& operator=(const Interval&) = delete;
  Interval(Interval&&) = delete;
  Interval& operator=(Interval&&) = delete;
  ~Interval();

  /// Waits for the end of the interval, which starts where the last one ended, or now if that is
  /// over already. Returns false as soon as one of the signals comes.
  [[nodiscard]] bool wait();

 private:
  using Clock = std::chrono::steady_clock;

  Clock::duration length_;
  Clock::time_point end_ = Clock::now();
  sigset_t signals_{};
  sigset_t before_{};
};

}  // namespace nvhook
