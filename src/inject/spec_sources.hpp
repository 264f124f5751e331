// SPDX-License-Identifier: Apache-2.0
// Checks what an engine or a runtime will mount or make for us.
#pragma once

#include <map>
#include <string_view>

#include "plan/run.hpp"
#include "plan/spec_edit.hpp"
#include "text/paths.hpp"

namespace nvhook {

/// Checks the sources of everything of `planned` that the runtime will mount or make in the
/// container of the config.json `json`, as the hook checks its own. Returns the nodes that the
/// runtime can make: in a user namespace runtimes bind mount the host's node of the same path, so
/// nodes of a driver container are not among them. Throws what open_source() throws, and
/// Error(spec_invalid).
[[nodiscard]] std::map<ContainerPath, NodeStatus> check_sources(std::string_view json,
                                                                const Planned& planned,
                                                                const RunContext& run);

}  // namespace nvhook
