// SPDX-License-Identifier: Apache-2.0
// RAII: SIGCHLD is SIG_DFL, so that waitpid works even if the caller ignored it.
#pragma once

#include <csignal>

namespace nvhook {

/// A process inherits from its caller that SIGCHLD is ignored; the kernel would then reap a child
/// before its status is read. The destructor restores the caller's setting.
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
