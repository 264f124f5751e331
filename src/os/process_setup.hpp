// SPDX-License-Identifier: Apache-2.0
// Prepares this process to work as root beside a hostile container. Called first of all.
#pragma once

#include <string>

#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"

namespace nvhook {

/// What is kept of the caller's environment and working directory.
struct CallerContext {
  std::string config_file = {};         ///< NVIDIA_CTK_CONFIG_FILE_PATH
  std::string config_home = {};         ///< XDG_CONFIG_HOME
  std::string home = {};                ///< HOME
  std::string runtime_directory = {};   ///< XDG_RUNTIME_DIR
  std::string mps_pipe_directory = {};  ///< CUDA_MPS_PIPE_DIRECTORY
  std::string debug_file = {};          ///< NVC_DEBUG_FILE
  std::string search_path = {};         ///< PATH, in which the runtime shim looks for the runtime
  /// The caller's working directory: the bundle, if the runtime does not name one.
  UniqueFd working_directory = UniqueFd();
};

/// Reads the caller's environment and working directory, and changes nothing.
[[nodiscard]] CallerContext read_caller();

/// Ignores SIGPIPE and SIGXFSZ: a closed log or stderr, or a write beyond RLIMIT_FSIZE, must not
/// kill the hook half-way, without a message and with nothing undone. The write fails instead.
void ignore_write_signals() noexcept;

/// Reads the few variables that we use and empties the environment. Sets the working directory to
/// `/` and the umask to 022, makes the process not dumpable, ignores SIGPIPE and SIGXFSZ, raises
/// the soft limit on descriptors, and drops capabilities that are never needed. Throws
/// Error(internal) if the working directory or the capabilities cannot be changed; other failures
/// do not matter.
[[nodiscard]] CallerContext detach_from_caller();

/// As detach_from_caller(), for the start of a program: also closes all descriptors above 2 and
/// makes sure that 0 to 2 are open.
[[nodiscard]] CallerContext harden_process();

/// Returns the path of this executable on the host below `system`; empty if its /proc lacks it.
[[nodiscard]] std::string own_executable(const RootDir& system);

}  // namespace nvhook
