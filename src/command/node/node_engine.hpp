// SPDX-License-Identifier: Apache-2.0
// The engine of a node: which it is, what `setup` adds to its configuration, and its restart.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "command/setup/setup_plan.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

struct NodeEngine {
  std::string name = {};  ///< containerd, crio, k3s, rke2, microk8s
  /// The file to edit; empty if there is none, because k3s and RKE2 make the handler themselves, of
  /// a program in one directory.
  std::string config = {};
  std::string imports = {};  ///< the file that imports it, if `config` is a file of ours alone
  /// Where `config` is written, if it is read below the host's root and written elsewhere.
  std::string written_at = {};
};

/// The names that `--engine` takes: `auto`, `none`, and those of the engines.
[[nodiscard]] const std::vector<std::string>& node_engine_names();

/// Returns the engine `name`, or, for `auto`, the one that serves this node's kubelet. `config`, if
/// it is not empty, is the file to edit; `directory` is that of the programs. Throws
/// Error(config_invalid) if there is none, or if it reads no file of others.
[[nodiscard]] NodeEngine find_node_engine(const std::string& name, const std::string& config,
                                          const std::string& directory, const RootDir& root);

/// Returns what `oci-nvidia setup` would change. Throws as the plan functions do.
[[nodiscard]] SetupPlan plan_node_engine(const NodeEngine& engine, SetupRequest request,
                                         const RootDir& root);

/// How an engine is made to read its configuration again.
struct NodeRestart {
  enum class How { systemd, signal, none };
  How how = How::systemd;
  /// For `signal`: the engine's socket. Its process gets SIGHUP, which ends it, and whoever started
  /// it starts it again.
  std::string socket = {};
};

struct RestartRoots {
  const RootDir& files;  ///< for the engine's socket
  const RootDir& host;   ///< for systemd's
};

/// Restarts the engine and, if systemd does it, waits for its end. Returns false if that is left to
/// people, because nobody else can; `told` then says what to do. Throws
/// Error(engine_restart_failed).
[[nodiscard]] bool restart_node_engine(const std::string& name, const NodeRestart& restart,
                                       const RestartRoots& roots, std::string& told);

}  // namespace nvhook
