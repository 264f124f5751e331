// SPDX-License-Identifier: Apache-2.0
// The pipeline that every program runs: host, image, plan. Applying, editing or showing the plan is
// the caller's part.
#pragma once

#include "config/config.hpp"
#include "host/host_facts.hpp"
#include "image/image_view.hpp"
#include "os/log.hpp"
#include "os/root_dir.hpp"
#include "plan/container_task.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// What every stage of a run uses.
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

/// Makes the plan for `task`, which must have a request that names its devices (take_lease,
/// show_lease): reads the host, then the image, decides,
/// and moves what cannot go to its usual place. The caller applies the plan (inject_driver), writes
/// it into config.json (edit_spec) or shows it. Changes nothing, except on the host what
/// `load-kmods` allows. Throws Error(invalid_request) if GPUs are still
/// to be chosen, and what read_host, probe_container, make_plan and place throw.
[[nodiscard]] Planned plan_container(const ContainerTask& task, const ImageView& image,
                                     const RunContext& context);

/// Returns the part of `plan` that this process does in the role `role`: for a completing hook,
/// what config.json and its device rules leave to it; otherwise all of it. Throws
/// Error(spec_invalid).
[[nodiscard]] Plan share_of(Role role, const ContainerTask& task, Plan plan,
                            const RunContext& context);

}  // namespace nvhook
