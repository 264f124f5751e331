// SPDX-License-Identifier: Apache-2.0
// What an installer has done to a node, so that another run of it can go on or take it back. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nvhook {

struct NodeRecord {
  /// Who set the node up: `namespace/name` of a DaemonSet. Empty: nobody any more, but containers
  /// that run need the programs.
  std::string owner = {};
  /// How often an installer has begun. One that meets a higher number than its own has a successor.
  std::uint64_t generation = 0;
  std::string version = {};    ///< of the programs
  std::string directory = {};  ///< where they are
  /// The files in `directory`, by name. A version after this one may have others.
  std::vector<std::string> programs = {};
  /// All other files that were written or are about to be, but the engine's configuration.
  std::vector<std::string> files = {};
  std::string engine = {};          ///< empty: none was configured
  std::string engine_config = {};   ///< the file that was edited
  std::string engine_imports = {};  ///< the file that imports it, where it is a file of ours alone
  std::string engine_written_at = {};  ///< where it is written, if not at its own path
  /// The engine has not read its configuration yet.
  bool restart_is_due = false;
  /// Directories that were missing before, in the order in which they were made.
  std::vector<std::string> made = {};

  friend bool operator==(const NodeRecord&, const NodeRecord&) = default;
};

[[nodiscard]] std::string to_text(const NodeRecord& record);

/// Throws Error(config_invalid), with `filename`, for a text that to_text() has not written.
[[nodiscard]] NodeRecord parse_node_record(std::string_view text, std::string_view filename);

}  // namespace nvhook
