// SPDX-License-Identifier: Apache-2.0
// Runs one executable that we do not trust to end: fixed environment, deadline, bounded output,
// nothing left behind.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace nvhook {

struct ChildCommand {
  int executable = -1;  ///< descriptor, O_PATH is enough; what was checked is what runs
  std::vector<std::string> arguments = {};
  std::vector<std::string> environment = {};  ///< `NAME=value`, besides PATH
  std::size_t max_output = 0;
  std::chrono::milliseconds deadline{};
};

struct ChildResult {
  enum class End {
    exited,        ///< `code` is the exit status
    killed,        ///< by the signal `code`, which was not ours
    deadline,      ///< by us
    output_limit,  ///< by us
  };
  End end = End::exited;
  int code = 0;
  std::string output = {};      ///< standard output, never more than `max_output`
  std::string error_line = {};  ///< the first line of standard error, cut at 1 KiB
};

/// Runs `command` with PATH and `environment` alone in its environment, standard input empty, no
/// other descriptors, every signal as at a program's start, our caller's limit on descriptors, in a
/// session of its own that is killed at the end. Throws Error(probe_failed) if it cannot be
/// started.
[[nodiscard]] ChildResult run_child(const ChildCommand& command);

}  // namespace nvhook
