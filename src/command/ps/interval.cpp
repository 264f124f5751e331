// SPDX-License-Identifier: Apache-2.0
// The signals are blocked and waited for, so that there is no handler.
#include "command/ps/interval.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>

namespace nvhook {

Interval::Interval(double seconds)
    : length_(std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))) {
  ::sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&signals_, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals_, &before_);
}

Interval::~Interval() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

bool Interval::wait() {
  end_ = std::max(end_ + length_, Clock::now());
  for (;;) {
    const auto left = std::max(end_ - Clock::now(), Clock::duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec time{
        .tv_sec = seconds.count(),
        .tv_nsec = std::chrono::duration_cast<std::chrono::nanoseconds>(left - seconds).count()};
    if (::sigtimedwait(&signals_, nullptr, &time) > 0) return false;
    if (errno == EAGAIN) return true;
    if (errno != EINTR) return false;
  }
}

}  // namespace nvhook
