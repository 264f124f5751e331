// SPDX-License-Identifier: Apache-2.0
// What a container that runs is to have of today's driver.
#pragma once

#include "command/attach/live_container.hpp"
#include "command/containers/container_driver.hpp"
#include "command/engines/host_config.hpp"
#include "command/shell/command.hpp"
#include "host/host_facts.hpp"
#include "plan/container_task.hpp"
#include "text/note.hpp"

namespace nvhook {

struct Wanted {
  ContainerTask task = {};
  /// The host with all that a container could have.
  HostFacts host;
  /// It asks for it, by what attach and detach recorded or by its config.json. If not, something
  /// else gave it the driver, and what it has tells what it is to have: then only what is stale
  /// counts, because another tool may have left out what our plan would have.
  bool is_asked_for = false;
  Notes notes = {};
};

/// Finds out what the container with the root directory of `container`, which has `has`, is to
/// have. A device that does not exist any more is left out, with a note. Changes nothing. Throws
/// what derive_task and read_host throw, and Error(unknown_device) if none of its devices exists.
[[nodiscard]] Wanted find_wanted(const LiveContainer& container, const ContainerDriver& has,
                                 const HostConfig& config, CommandContext& context);

/// Returns the least capabilities that bring the driver's files in `has`; what several bring does
/// not count.
[[nodiscard]] CapabilitySet capabilities_of(const std::vector<MountedFile>& files);

}  // namespace nvhook
