// SPDX-License-Identifier: Apache-2.0
// The limit before the change is in a variable that the child can read between fork and exec.
#include "os/descriptor_limit.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace nvhook {
namespace {

constexpr rlim_t kEnough = 65'536;

struct Raised {
  bool was_raised = false;
  rlimit before = {};
};

// Set before fork, because it is read between fork and exec.
Raised raised;

}  // namespace

void raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = std::min(limit.rlim_max, kEnough);
  if (limit.rlim_cur >= wanted) return;
  const rlimit higher{.rlim_cur = wanted, .rlim_max = limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &higher) == 0) raised = {.was_raised = true, .before = limit};
}

void restore_descriptor_limit() noexcept {
  if (raised.was_raised) ::setrlimit(RLIMIT_NOFILE, &raised.before);
}

}  // namespace nvhook
