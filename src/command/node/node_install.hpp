// SPDX-License-Identifier: Apache-2.0
// Sets a node up, and takes back what was set up. Either can be killed at any moment: what is about
// to be done is recorded first, and the next run does it again.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "command/node/node_claim.hpp"
#include "command/node/node_engine.hpp"
#include "command/node/node_programs.hpp"
#include "command/setup/setup_plan.hpp"
#include "command/shell/command.hpp"

namespace nvhook {

/// A file with a text, such as the configuration of the hook.
struct NodeText {
  std::string path = {};
  std::string text = {};
  /// Takes the place of `text`, and is called when the programs are there; nullopt: no file.
  std::function<std::optional<std::string>()> made = {};
  bool replaces = false;  ///< also a file that is not ours
};

/// What a node is to have.
struct NodeTask {
  std::string owner = {};
  std::string directory = {};  ///< of the programs
  std::vector<NodeProgram> programs = {};
  std::vector<NodeText> texts = {};
  std::optional<NodeEngine> engine = {};  ///< nullopt: none is configured
  SetupRequest setup = {};
  NodeRestart restart = {};
  bool has_labels = false;
  bool is_checked = false;  ///< as `oci-nvidia doctor` does
};

class NodeInstaller {
 public:
  /// Changes the node below `root`, and reads it below the context's root; both are one, unless
  /// the container has only some of the node's directories writable.
  NodeInstaller(const NodeTask& task, const RootDir& root, NodeClaim& claim,
                CommandContext& context);

  // With the lock of the claim held:

  /// Throws what the parts throw; what was done then stays, and is recorded.
  void install();
  /// Takes back what the record says. What containers that run still need stays, and a line says
  /// so.
  void take_back();

  /// Writes the labels again if they have changed. Throws Error(node_not_writable).
  void refresh_labels();

 private:
  void put_texts();
  void configure_engine();
  void restart_engine();
  void take_engine_back();
  /// Returns whether there was anything to write.
  bool change_engine(const NodeEngine& engine, const SetupPlan& plan);
  [[nodiscard]] SetupPlan plan_engine(const NodeEngine& engine, const SetupRequest& request) const;
  void take_programs_back();
  void tell_findings();
  void remember(const std::string& file);
  void say(const std::string& line);

  const NodeTask& task_;
  NodeClaim& claim_;
  CommandContext& context_;
  NodeFiles files_;
};

}  // namespace nvhook
