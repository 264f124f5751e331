// SPDX-License-Identifier: Apache-2.0
// Writes into a config.json what OCI can express of a plan, and computes the rest.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.hpp"
#include "plan/spec_hooks.hpp"
#include "text/paths.hpp"

namespace nvhook {

/// Mode and owner of a host's device node, which `linux.devices` repeats in the container.
struct NodeStatus {
  unsigned mode = 0666;  ///< permission bits
  unsigned owner = 0;
  unsigned group = 0;

  friend bool operator==(const NodeStatus&, const NodeStatus&) = default;
};

struct SpecEdit {
  /// The directory that contains the sources of HostRoot::driver.
  std::string driver_root = "/";
  /// The plan's device nodes that the runtime can make, by target; others are left to the hook.
  std::map<ContainerPath, NodeStatus> nodes = {};
  /// The hook that does the rest: its path and its arguments, argv[0] first.
  std::string hook = {};
  std::vector<std::string> hook_arguments = {};
};

/// The environment of our hooks: a hook without one may get the image's.
inline constexpr const char* kHookPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Whether edit_spec leaves `mount` to the runtime: files and directories that must exist, except
/// those that go onto a tmpfs of the plan.
[[nodiscard]] bool is_for_spec(const BindMount& mount, const Plan& plan);

/// Returns `json`, a config.json, in which the runtime gets the plan's device nodes
/// (`linux.devices`), device rules (`linux.resources.devices`) and bind mounts (`mounts`), so that
/// they last as long as the container's own, and in which one createRuntime hook does the rest.
/// Left to that hook are optional mounts, mounts onto our own tmpfs, links and loader files; also
/// nodes if /dev is not a tmpfs of the container's own, and rules if there are none yet, because
/// runc restricts a container without rules and crun does not. The process gets the groups without
/// which it could not open the nodes (missing_groups). Hooks with NVIDIA's names, which
/// would do the work twice, are removed. Mounts that name devices lose the ID mappings that a
/// kubelet gives all mounts of a pod in a user namespace: they are of /dev, which no kernel can
/// map, and the container would not start. All other bytes stay as they are, and existing elements
/// are not added again: an edited config.json does not change. Throws Error(spec_invalid).
[[nodiscard]] std::string edit_spec(std::string_view json, const Plan& plan, const SpecEdit& edit);

/// Returns `plan` without the devices that the device rules of config.json deny, with a note for
/// each: no hook extends what an engine gave by CDI. Without rules, the plan is unchanged.
[[nodiscard]] Plan plan_within_rules(Plan plan, std::string_view json);

/// Returns `plan` without the steps that config.json leaves to the runtime. Links get the mounts
/// that may have to cover a file of their name.
[[nodiscard]] Plan remaining_plan(Plan plan, std::string_view json, const std::string& driver_root);

}  // namespace nvhook
