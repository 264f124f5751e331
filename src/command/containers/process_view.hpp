// SPDX-License-Identifier: Apache-2.0
// Reads a running process through /proc.
#pragma once

#include <sys/types.h>

#include <string>

#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"

namespace nvhook {

/// Always refers to the process that had the number at construction; after its end nothing can be
/// read.
class ProcessView {
 public:
  /// Throws Error(container_gone) if there is no such process.
  ProcessView(pid_t pid, const RootDir& system);

  /// Returns the root file system of the process with everything mounted there; all of it is
  /// hostile. Throws Error(container_gone), or Error(namespace_denied) without the right to look.
  [[nodiscard]] RootDir root() const;

  /// Reads a file below /proc/<pid>. Throws as root() does.
  [[nodiscard]] std::string text(const char* name) const;

 private:
  [[noreturn]] void throw_unreadable(const char* name) const;

  pid_t pid_;
  UniqueFd proc_;
};

}  // namespace nvhook
