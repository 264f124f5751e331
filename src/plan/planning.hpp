// SPDX-License-Identifier: Apache-2.0
// From a request to a plan: the host is read, the image is looked at, everything is decided.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "config/config.hpp"
#include "host/host_facts.hpp"
#include "os/log.hpp"
#include "os/root_dir.hpp"
#include "plan/plan.hpp"
#include "request/request.hpp"

namespace nvhook {

/// Why nothing may be made in a directory of the container, as OwnLayer::obstacle_at says; nothing
/// if it is the container's own.
using ObstacleAt = std::function<std::optional<std::string>(const ContainerPath& directory)>;

/// What a plan is made for.
struct PlanningTask {
  const Request& request;
  /// SELinux label of the container's own mounts; empty if it has none.
  const std::string& mount_label;
  /// Null: nothing is known of the image, and it counts as empty.
  const RootDir* rootfs = nullptr;
  CachePolicy cache = CachePolicy::bypass;
  /// None: all of the image is the container's own.
  ObstacleAt obstacle_at = {};
};

struct Planned {
  HostFacts host;
  Plan plan = {};
};

/// Nothing is changed but what `load-kmods` allows on the host. Throws as read_host,
/// probe_container and make_plan do.
[[nodiscard]] Planned plan_container(const PlanningTask& task, const Config& config,
                                     const RootDir& system, Log& log);

}  // namespace nvhook
