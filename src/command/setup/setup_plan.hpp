// SPDX-License-Identifier: Apache-2.0
// What `oci-nvidia setup` is asked to do, and the plan of changes for each engine.
#pragma once

#include <string>
#include <vector>

#include "command/engines/engine_files.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

struct SetupRequest {
  bool runtime = false;      ///< register the runtime `nvidia`
  bool all_modes = false;    ///< and `nvidia-cdi` and `nvidia-legacy`, which have a mode each
  bool set_default = false;  ///< make it the default one
  bool undo = false;
  bool cdi = false;               ///< make the engine read CDI specifications, if it has to be told
  std::string runtime_path = {};  ///< the runtime's program; empty: the one that is installed
  std::string config_file = {};   ///< absolute path; empty: the engine's own
  /// containerd: the file that imports `config_file`, which is ours alone and gets its version.
  std::string imported_by = {};
  bool handler_alone = false;  ///< CRI-O: do not look for the definition of the hook
  /// ~/.config of the unprivileged user whose own engine is meant; empty: the host's engine.
  std::string user_config = {};
};

struct SetupPlan {
  std::vector<FileChange> changes = {};
  /// What is already as it should be.
  std::vector<std::string> found = {};
  /// What is missing and setup cannot fix.
  std::vector<std::string> lacking = {};
  /// The command, one word each, that makes the engine read the changes; empty: none is needed.
  std::vector<std::string> activation = {};
  /// What can be tried afterwards.
  std::vector<std::string> next = {};
};

/// Each function reads what it needs below `system` and changes nothing. Throws Error for a
/// configuration that cannot be read, is malformed, or has something else where ours would go.
[[nodiscard]] SetupPlan plan_docker(const SetupRequest& request, const RootDir& system);
[[nodiscard]] SetupPlan plan_podman(const SetupRequest& request, const RootDir& system);
[[nodiscard]] SetupPlan plan_crio(const SetupRequest& request, const RootDir& system);
[[nodiscard]] SetupPlan plan_containerd(const SetupRequest& request, const RootDir& system);
[[nodiscard]] SetupPlan plan_lxc(const SetupRequest& request, const RootDir& system);

/// Returns the path of nvidia-container-runtime: the one that is asked for, or the installed one.
/// If it is not there, that goes to `plan.lacking`.
[[nodiscard]] std::string runtime_program(const SetupRequest& request, const RootDir& system,
                                          SetupPlan& plan);

}  // namespace nvhook
