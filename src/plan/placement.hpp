// SPDX-License-Identifier: Apache-2.0
// Where a plan's files go if not to their usual places: below one directory on a tmpfs of ours.
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

/// What was found in the container about the places that a plan names.
struct PlacementFacts {
  /// Directories in which nothing may be made, and why: `lies on the volume …`.
  std::map<ContainerPath, std::string> closed = {};
  /// Targets of mounts that are there, and can be mounted over wherever they lie; and links that
  /// are there and right.
  std::set<ContainerPath> present = {};
  /// Where the tmpfs can go: the first of private_directories() that can be made, or is empty.
  std::optional<ContainerPath> private_directory = {};
};

/// Where the tmpfs may go, the best place first. The CUDA images have the first one in their PATH
/// and LD_LIBRARY_PATH; the last ones lie on file systems that runtimes make for each container.
[[nodiscard]] const std::vector<ContainerPath>& private_directories();

/// The file, and what it says, by which a tmpfs of ours at such a place is known again. An image
/// has no mounts, and a volume that somebody mounted there has another README.
inline constexpr const char* kPrivateMark = "README";
inline constexpr const char* kPrivateMarkText =
    "The NVIDIA driver of this host, for programs in this container.\n"
    "oci-nvidia-hook put it here, and not into the usual directories, because they are a volume "
    "or\n"
    "read-only, or because its configuration says: placement = \"private\".\n";

/// The directories that something of `plan` is made in, but for those on procfs: what
/// PlacementFacts::closed is asked for.
[[nodiscard]] std::set<ContainerPath> directories_of(const Plan& plan);

/// Whether a file, directory or socket at `mount`'s target may go to the private directory: all but
/// device nodes and what lies on procfs or on a tmpfs of the plan.
[[nodiscard]] bool is_movable(const BindMount& mount, const Plan& plan);

/// Whether `plan` needs the private directory.
[[nodiscard]] bool needs_private_directory(const Plan& plan, const PlacementFacts& facts,
                                           Placement placement);

/// `plan` with files in the private directory where they are to be:
/// - Placement::standard: the libraries of a directory that is closed, all of them if one of them
/// or
///   its link is missing there, and programs that are missing in one. What a container can do
///   without is left out there, with a note.
/// - Placement::private_directory: all that is_movable, but for what is there and is mounted over.
/// The loader's files lead to them; where their usual directory is not closed, so does a link of
/// the usual name, but for libraries. Throws Error(target_on_volume) if the private directory is
/// needed and there is none.
[[nodiscard]] Plan place(Plan plan, const PlacementFacts& facts, Placement placement);

}  // namespace nvhook
