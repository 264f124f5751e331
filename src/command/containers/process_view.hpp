// SPDX-License-Identifier: Apache-2.0
// A running process, looked at through /proc.
#pragma once

#include <sys/types.h>

#include <string>

#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"

namespace nvhook {

/// Keeps to the process that had the number first: after its end there is nothing to see.
class ProcessView {
 public:
  /// Throws Error(container_gone) if there is no such process.
  ProcessView(pid_t pid, const RootDir& system);

  /// Its root file system with all that is mounted there; hostile, as everything in it. Throws
  /// Error(container_gone), and Error(namespace_denied) without the right to look.
  [[nodiscard]] RootDir root() const;

  /// A file below /proc/<pid>. Throws as root() does.
  [[nodiscard]] std::string text(const char* name) const;

 private:
  [[noreturn]] void throw_unreadable(const char* name) const;

  pid_t pid_;
  UniqueFd proc_;
};

}  // namespace nvhook
