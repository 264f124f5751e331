// SPDX-License-Identifier: Apache-2.0
// What `oci-nvidia setup` is asked for and what it would do, for each engine.
#pragma once

#include <string>
#include <vector>

#include "command/engines/engine_files.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

struct SetupRequest {
  bool runtime = false;      ///< register the runtime `nvidia`
  bool set_default = false;  ///< make it the default one
  bool undo = false;
  std::string config_file = {};  ///< absolute; empty: the engine's own
  /// An ordinary user's ~/.config, whose own engine is meant; empty: the host's engine.
  std::string user_config = {};
};

struct SetupPlan {
  std::vector<FileChange> changes = {};
  /// What is as it has to be.
  std::vector<std::string> found = {};
  /// What is missing and setup cannot mend.
  std::vector<std::string> lacking = {};
  /// The command, a word each, after which the engine knows of it; empty: it needs none.
  std::vector<std::string> activation = {};
  /// What can be tried then.
  std::vector<std::string> next = {};
};

/// Each reads what it needs below `system` and changes nothing. Throw Error for a configuration
/// that cannot be read, is malformed, or has something else where ours would go.
[[nodiscard]] SetupPlan plan_docker(const SetupRequest& request, const RootDir& system);
[[nodiscard]] SetupPlan plan_podman(const SetupRequest& request, const RootDir& system);
[[nodiscard]] SetupPlan plan_crio(const SetupRequest& request, const RootDir& system);
[[nodiscard]] SetupPlan plan_containerd(const SetupRequest& request, const RootDir& system);
[[nodiscard]] SetupPlan plan_lxc(const SetupRequest& request, const RootDir& system);

/// The path of nvidia-container-runtime, and a word on it in `plan`.
[[nodiscard]] std::string runtime_program(const RootDir& system, SetupPlan& plan);

}  // namespace nvhook
