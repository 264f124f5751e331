// SPDX-License-Identifier: Apache-2.0
// Rewrites the root directory of the paths in a CDI specification, for an engine that sees the host
// or a container that has the files elsewhere.
#pragma once

#include <string>
#include <string_view>

namespace nvhook {

/// Whose paths are rewritten.
enum class RootOf { host, container };

struct RootChange {
  RootOf side = RootOf::host;
  std::string from = {};  ///< absolute
  std::string to = {};    ///< absolute
};

/// Returns `path` with `to` in the place of the directory `from`, if that is its beginning:
/// `/a/b` is below `/a`, and `/ab` is not.
[[nodiscard]] std::string moved(const std::string& path, const RootChange& change);

/// Returns the specification `json` with other paths, and everything else as it is, unknown fields
/// too. Paths of the host: of mounts and nodes, and the programs and arguments of hooks that run on
/// the host. Paths of the container: of mounts and nodes, and the arguments of the hooks that run
/// in it (createContainer, startContainer), also in `--link TARGET::LINK` and `--folder=DIR`. A
/// node that had one path for both gets the other, too, and the version is raised if that needs it
/// (required_cdi_version). Throws as parse_cdi_spec() does.
[[nodiscard]] std::string with_other_root(std::string_view json, const RootChange& change);

}  // namespace nvhook
