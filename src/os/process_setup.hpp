// SPDX-License-Identifier: Apache-2.0
// Makes this process fit to work as root beside a hostile container: the first thing that happens.
#pragma once

#include <string>

#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"

namespace nvhook {

/// What is left of the caller's environment and place.
struct CallerContext {
  std::string config_file = {};         ///< NVIDIA_CTK_CONFIG_FILE_PATH
  std::string config_home = {};         ///< XDG_CONFIG_HOME
  std::string home = {};                ///< HOME
  std::string runtime_directory = {};   ///< XDG_RUNTIME_DIR
  std::string mps_pipe_directory = {};  ///< CUDA_MPS_PIPE_DIRECTORY
  std::string debug_file = {};          ///< NVC_DEBUG_FILE
  std::string search_path = {};         ///< PATH, by which the runtime shim finds the runtime
  /// The working directory as it was: the bundle, for a runtime that does not say it.
  UniqueFd working_directory = UniqueFd();
};

/// What the caller's environment and place are, which stay as they are.
[[nodiscard]] CallerContext read_caller();

/// Lets a write fail where it would end this process by a signal: into a pipe that nobody reads any
/// more, and beyond RLIMIT_FSIZE. A log that cannot go on must not end a run in the middle, without
/// a word, with nothing taken back.
void ignore_write_signals() noexcept;

/// Takes the few variables we know and empties the environment; working directory `/`, umask 022,
/// not dumpable; writes fail without a signal; as many descriptors as may be; capabilities that are
/// never needed are given up. Throws Error(internal) if `/`
/// cannot be entered; what else fails is not needed.
[[nodiscard]] CallerContext detach_from_caller();

/// The same as the first thing that a program does: also no descriptor stays open above 2, and 0–2
/// are open on something.
[[nodiscard]] CallerContext harden_process();

/// The path of this executable on the host below `system`; empty if its /proc does not tell.
[[nodiscard]] std::string own_executable(const RootDir& system);

}  // namespace nvhook
