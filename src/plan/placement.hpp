// SPDX-License-Identifier: Apache-2.0
// Moves files of a plan that cannot go to their usual places: below one directory on a tmpfs of
// ours.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "plan/plan.hpp"
#include "text/paths.hpp"

namespace nvhook {

/// What was found in the container about the directories and targets of a plan.
struct PlacementFacts {
  /// Directories in which nothing may be made, and why: `lies on the volume …`.
  std::map<ContainerPath, std::string> closed = {};
  /// Targets of mounts that exist, so that they can be mounted over wherever they lie; and links
  /// that exist and are right.
  std::set<ContainerPath> present = {};
  /// Where the tmpfs can go: the first of private_directories() that can be made or is empty.
  std::optional<ContainerPath> private_directory = {};
};

/// Directories for the tmpfs, the best first. The CUDA images have the first one in their PATH and
/// LD_LIBRARY_PATH; the last ones lie on file systems that runtimes make for each container.
[[nodiscard]] const std::vector<ContainerPath>& private_directories();

/// Name and content of the file by which a tmpfs of ours is recognised. An image has no mounts, and
/// a volume mounted there has another README.
inline constexpr const char* kPrivateMark = "README";
inline constexpr const char* kPrivateMarkText =
    "The NVIDIA driver of this host, for programs in this container.\n"
    "oci-nvidia-hook put it here, and not into the usual directories, because they are a volume "
    "or\n"
    "read-only, or because its configuration says: placement = \"private\".\n";

/// Returns the directories in which `plan` makes something, except those on procfs; their obstacles
/// are needed for PlacementFacts::closed.
[[nodiscard]] std::set<ContainerPath> directories_of(const Plan& plan);

/// Whether the file, directory or socket at `mount`'s target may go to the private directory.
/// Device nodes, and what lies on procfs or on a tmpfs of the plan, may not.
[[nodiscard]] bool is_movable(const BindMount& mount, const Plan& plan);

/// Whether `plan` needs the private directory.
[[nodiscard]] bool needs_private_directory(const Plan& plan, const PlacementFacts& facts,
                                           Placement placement);

/// Returns `plan` with the files in the private directory that belong there:
/// - Placement::standard: all libraries of a closed directory if a library or a link is missing
///   there, and programs that are missing in a closed directory. Optional files are left out there,
///   with a note.
/// - Placement::private_directory: everything that is_movable, except existing targets, which are
///   mounted over.
/// The loader's files get the new paths. Except for libraries, a link of the usual name leads there
/// if its directory is not closed. Throws Error(target_on_volume) if the private directory is
/// needed and there is none.
[[nodiscard]] Plan place(Plan plan, const PlacementFacts& facts, Placement placement);

}  // namespace nvhook
