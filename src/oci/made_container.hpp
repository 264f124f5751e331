// SPDX-License-Identifier: Apache-2.0
// Which runtime made a container that exists, and from which bundle, by the runtime's own record.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/runtime_command.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// A container that is recorded in a runtime's state directory.
struct MadeContainer {
  std::string_view runtime = {};  ///< `runc` or `crun`
  std::string record = {};        ///< path of the record

  friend bool operator==(const MadeContainer&, const MadeContainer&) = default;
};

/// Finds the container that `command` acts on: in its `--root` or, without one, in the directories
/// that the runtimes use by themselves, of which `runtime_directory` (XDG_RUNTIME_DIR) has those of
/// users. The runtime that comes first in `candidates` is looked for first. nullopt if the command
/// is for no existing container, or neither runc nor crun knows it.
[[nodiscard]] std::optional<MadeContainer> find_made_container(
    const RuntimeCommand& command, const std::vector<std::string>& candidates,
    const std::string& runtime_directory, const RootDir& system);

/// Returns the bundle that the container was made from; empty if its record does not tell.
[[nodiscard]] std::string bundle_of(const MadeContainer& container, const RootDir& system);

/// Returns those of `candidates`, names or paths of runtimes, that can be `runtime` by their last
/// component, and `runtime` itself as the last one. The state of runc means nothing to crun, and
/// the other way round; a program with another name is taken for a wrapper of either.
[[nodiscard]] std::vector<std::string> candidates_for(std::string_view runtime,
                                                      const std::vector<std::string>& candidates);

/// The bundle in runc's state.json: `bundle=` among the labels of `config`. Empty without one.
[[nodiscard]] std::string bundle_in_runc_state(std::string_view json);
/// The bundle in crun's status. Empty without one.
[[nodiscard]] std::string bundle_in_crun_status(std::string_view json);

}  // namespace nvhook
