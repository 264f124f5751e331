// SPDX-License-Identifier: Apache-2.0
// Runs one executable that is not trusted to end: with a fixed environment, a deadline and limited
// output, and without leaving processes behind.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace nvhook {

struct ChildCommand {
  int executable = -1;  ///< descriptor, O_PATH is enough: the file that was checked runs
  std::vector<std::string> arguments = {};
  std::vector<std::string> environment = {};  ///< `NAME=value`, in addition to PATH
  std::size_t max_output = 0;
  std::chrono::milliseconds deadline{};
};

struct ChildResult {
  enum class End {
    exited,        ///< `code` is the exit status
    killed,        ///< by the signal `code`, which we did not send
    deadline,      ///< killed by us at the deadline
    output_limit,  ///< killed by us because of too much output
  };
  End end = End::exited;
  int code = 0;
  std::string output = {};      ///< standard output, at most `max_output` bytes
  std::string error_line = {};  ///< the first line of standard error, cut at 1 KiB
};

/// Runs `command`. Its environment is `environment` and PATH, its standard input is empty, it has
/// no other descriptors, all signals have their default actions, and the limit on descriptors is
/// that of our caller. It runs in a session of its own, which is killed at the end. Throws
/// Error(probe_failed) if it cannot be started.
[[nodiscard]] ChildResult run_child(const ChildCommand& command);

}  // namespace nvhook
