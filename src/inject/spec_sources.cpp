// SPDX-License-Identifier: Apache-2.0
// Opens each source as the hook does, and lets go of it: the runtime opens it by its path.
#include "inject/spec_sources.hpp"

#include "inject/bind_source.hpp"
#include "os/user_namespace.hpp"
#include "plan/spec_steps.hpp"

namespace nvhook {
std::map<ContainerPath, NodeStatus> check_sources(std::string_view json, const Planned& planned,
                                                  const RunContext& run) {
  constexpr unsigned kPermissions = 07777;
  const bool by_path = in_user_namespace() || SpecSteps(json).has_user_namespace();
  std::map<ContainerPath, NodeStatus> nodes;
  for (const BindMount& mount : planned.plan.mounts) {
    if (!mount.device && !is_for_spec(mount, planned.plan)) continue;
    const bool is_driver = mount.source.root == HostRoot::driver;
    const UniqueFd source =
        open_source(mount, is_driver ? planned.host.driver_root : run.system, run.system);
    if (!mount.device) continue;
    const FileStatus status = status_of(source.get());
    if (by_path && host_path(mount.source, run.config.driver_root) != mount.target.str()) continue;
    nodes[mount.target] = {
        .mode = status.mode & kPermissions, .owner = status.owner, .group = status.group};
  }
  return nodes;
}

}  // namespace nvhook
