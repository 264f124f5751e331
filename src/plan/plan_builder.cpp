// SPDX-License-Identifier: Apache-2.0
// Targets of mounts and names of links share one set, so that none is used twice.
#include "plan/plan_builder.hpp"

#include <algorithm>
#include <utility>

#include "plan/node_access.hpp"

namespace nvhook {

bool PlanBuilder::bind(BindMount mount) {
  if (!targets_.insert(mount.target).second) {
    note(info("left out " + mount.source.path.str() + ": " + mount.target.str() + " is taken"));
    return false;
  }
  plan_.mounts.push_back(std::move(mount));
  return true;
}

void PlanBuilder::link(Symlink symlink) {
  if (targets_.insert(symlink.link).second) plan_.symlinks.push_back(std::move(symlink));
}

void PlanBuilder::node(const DeviceNode& node, const std::string& reason) {
  const bool is_new = bind({.source = node.file,
                            .type = SourceType::character_device,
                            .device = node.number,
                            .target = ContainerPath(node.file.path.str()),
                            .attributes = kDeviceMount,
                            .reason = reason});
  if (!is_new) return;
  allow(node.number, reason, node.file.path);
  if (auto closed = closed_node(node)) plan_.closed_nodes.push_back(*std::move(closed));
}

void PlanBuilder::allow(DeviceNumber device, const std::string& reason, HostPath node) {
  const auto& rules = plan_.device_rules;
  const bool known = std::any_of(rules.begin(), rules.end(),
                                 [&](const DeviceRule& rule) { return rule.device == device; });
  if (!known)
    plan_.device_rules.push_back({.device = device, .node = std::move(node), .reason = reason});
}

void PlanBuilder::proc(SourceType type, const std::string& path, const std::string& reason) {
  bind({.source = {.root = HostRoot::system, .path = HostPath(path)},
        .type = type,
        .target = ContainerPath(path),
        .attributes = kProcMount,
        .reason = reason});
}

}  // namespace nvhook
