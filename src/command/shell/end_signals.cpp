// SPDX-License-Identifier: Apache-2.0
// Takes the signals from a descriptor, beside another one that is waited for.
#include "command/shell/end_signals.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>

#include "os/errno_error.hpp"
#include "text/error.hpp"

namespace nvhook {

EndSignals::EndSignals() {
  sigset_t ends{};
  ::sigemptyset(&ends);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&ends, signal);
  ::pthread_sigmask(SIG_BLOCK, &ends, &before_);
  signals_ = UniqueFd(::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) throw_errno(Code::internal, "wait for signals", "free file descriptors");
}

EndSignals::~EndSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

bool EndSignals::wait(int fd, std::chrono::milliseconds time) const {
  std::array<pollfd, 2> ready{pollfd{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                              pollfd{.fd = fd, .events = POLLIN, .revents = 0}};
  static_cast<void>(::poll(ready.data(), ready.size(), static_cast<int>(time.count())));
  if (ready[0].revents == 0) return false;
  // Taken out, or it would end the process when it is no longer blocked.
  signalfd_siginfo taken{};
  return ::read(signals_.get(), &taken, sizeof taken) > 0;
}

}  // namespace nvhook
