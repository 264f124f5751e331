// SPDX-License-Identifier: Apache-2.0
// From a request to a plan: the host is read, the image is looked at, everything is decided.
#pragma once

#include <string>

#include "core/config.hpp"
#include "core/plan.hpp"
#include "core/request.hpp"
#include "system/host_facts.hpp"
#include "system/log.hpp"
#include "system/root_dir.hpp"

namespace nvhook {

/// What a plan is made for.
struct PlanningTask {
  const Request& request;
  /// SELinux label of the container's own mounts; empty if it has none.
  const std::string& mount_label;
  /// Null: nothing is known of the image, and it counts as empty.
  const RootDir* rootfs = nullptr;
  Reading reading = Reading::anew;
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
