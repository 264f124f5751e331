// SPDX-License-Identifier: Apache-2.0
// The programs that a node gets: which, under which names, and from where.
#pragma once

#include <string>
#include <vector>

#include "command/node/node_files.hpp"

namespace nvhook {

/// One file of the directory of programs: a copy of a program, a link, or a text.
struct NodeProgram {
  std::string name = {};
  std::string copy_of = {};  ///< a program beside this one
  std::string link_to = {};
  std::string text = {};  ///< an executable script
};

/// As packages install them, in one directory: the hook under all of its names, `oci-nvidia` and
/// the probe.
[[nodiscard]] std::vector<NodeProgram> usual_programs();

/// Puts the programs into `directory`; each replaces its predecessor by a rename, so that a process
/// of that one is not disturbed. Throws Error(node_not_writable), and Error(internal) if one is not
/// beside this program.
void put_programs(const std::vector<NodeProgram>& programs, const std::string& directory,
                  const NodeFiles& files);

/// Returns how many containers that run were started by a program in `directory`: their engine
/// needs it once more to stop them. Told by the records of containerd's shims and by the command
/// lines of CRI-O's monitors.
[[nodiscard]] std::size_t containers_started_by(const std::string& directory, const RootDir& root);

}  // namespace nvhook
