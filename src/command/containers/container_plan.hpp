// SPDX-License-Identifier: Apache-2.0
// What a running container would get if it were started now, by its engine's record of its request.
#pragma once

#include <optional>
#include <string>

#include "command/containers/container_records.hpp"
#include "command/containers/missing_driver.hpp"
#include "command/engines/host_config.hpp"
#include "command/shell/command.hpp"
#include "plan/container_task.hpp"
#include "plan/run.hpp"
#include "text/error.hpp"
#include "text/note.hpp"

namespace nvhook {

struct ContainerPlan {
  /// Whether the container's config.json was found. If not, nothing else is known.
  bool has_config = false;
  std::string config_json = {};
  Injector injector = Injector::nobody;
  /// attach or detach changed what it has: their record counts, and not config.json.
  bool is_changed = false;
  /// Of its request, and of nodes that its process may not open.
  Notes notes = {};
  /// Empty if the driver does not come from a hook or an edit of ours, and after a failure.
  std::optional<Planned> planned = {};
  /// Why it has no request; empty if it has one.
  std::string no_request = {};
  /// Why it would run without the driver, should nothing of it be there; empty without a request.
  MissingDriver missing = {};
  /// Why it would not start now.
  std::optional<Error> failure = {};
  /// `linux.cgroupsPath`.
  std::string cgroups_path = {};
};

/// Plans for the container of `record`, whose root file system, all of it hostile, is `root`. What
/// it asks for is taken from the record of attach and detach, or else from its config.json on the
/// host, never from a file inside the container.
[[nodiscard]] ContainerPlan plan_again(const ContainerRecord& record, const RootDir& root,
                                       const HostConfig& config, CommandContext& context);

}  // namespace nvhook
