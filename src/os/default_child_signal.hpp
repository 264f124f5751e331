// SPDX-License-Identifier: Apache-2.0
// While it lives, children wait to be asked for their status.
#pragma once

#include <csignal>

namespace nvhook {

/// A caller that ignores SIGCHLD passes that on to us, and the kernel would reap a child before we
/// know its status.
class DefaultChildSignal {
 public:
  DefaultChildSignal() noexcept {
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    ::sigaction(SIGCHLD, &standard, &before_);
  }
  ~DefaultChildSignal() { ::sigaction(SIGCHLD, &before_, nullptr); }
  DefaultChildSignal(const DefaultChildSignal&) = delete;
  DefaultChildSignal& operator=(const DefaultChildSignal&) = delete;
  DefaultChildSignal(DefaultChildSignal&&) = delete;
  DefaultChildSignal& operator=(DefaultChildSignal&&) = delete;

 private:
  struct sigaction before_ {};
};

}  // namespace nvhook
