// SPDX-License-Identifier: Apache-2.0
// The one run: a task goes through the stages host, image and plan, whoever asked for it.
#pragma once

#include "config/config.hpp"
#include "host/host_facts.hpp"
#include "image/image_view.hpp"
#include "os/log.hpp"
#include "os/root_dir.hpp"
#include "plan/container_task.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// What every stage works with.
struct RunContext {
  const Config& config;
  const RootDir& system;  ///< the host's root
  Log& log;
  CachePolicy cache = CachePolicy::bypass;
};

struct Planned {
  HostFacts host;
  Plan plan = {};
};

/// The plan for `task`, whose request must be there. The caller applies it (inject_driver), edits
/// config.json by it (edit_spec) or shows it. Changes nothing but what `load-kmods` allows on the
/// host. Throws as read_host, probe_container and make_plan do.
[[nodiscard]] Planned plan_container(const ContainerTask& task, const ImageView& image,
                                     const RunContext& context);

/// What of `plan` the container's hook does in the role `role`: all of it, or what config.json and
/// its device rules leave to a hook that completes.
[[nodiscard]] Plan share_of(Role role, const ContainerTask& task, Plan plan,
                            const RunContext& context);

}  // namespace nvhook
