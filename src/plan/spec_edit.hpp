// SPDX-License-Identifier: Apache-2.0
// Writes into a config.json what an OCI specification can say of a plan, and tells what is left.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.hpp"
#include "text/paths.hpp"

namespace nvhook {

/// A device node of the host, as `linux.devices` repeats it in the container.
struct NodeStatus {
  unsigned mode = 0666;  ///< permission bits
  unsigned owner = 0;
  unsigned group = 0;

  friend bool operator==(const NodeStatus&, const NodeStatus&) = default;
};

struct SpecEdit {
  /// What sources of HostRoot::driver are below.
  std::string driver_root = "/";
  /// Of the plan's device nodes that the runtime can make, by target; others are left to the hook.
  std::map<ContainerPath, NodeStatus> nodes = {};
  /// The hook for what a specification cannot say: its path and its arguments, argv[0] first.
  std::string hook = {};
  std::vector<std::string> hook_arguments = {};
};

/// The flag of a hook that does what an edited config.json leaves.
inline constexpr const char* kCompleteFlag = "-complete";
/// The flag of a hook that does what a CDI specification leaves; it has a value.
inline constexpr const char* kCdiFlag = "-cdi";

/// The environment of our hooks: without one of its own a hook may get the image's.
inline constexpr const char* kHookPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Whether `mount` is one that edit_spec leaves to the runtime: files and directories that must be
/// there, but for those that go onto a tmpfs of the plan.
[[nodiscard]] bool is_for_spec(const BindMount& mount, const Plan& plan);

/// `json`, a config.json, in which the runtime itself is told the plan's device nodes
/// (`linux.devices`), device rules (`linux.resources.devices`) and bind mounts (`mounts`), so that
/// they last as long as the container's own; and in which one createRuntime hook does what is left.
/// Optional mounts, mounts onto our own tmpfs, links and loader files are left to that hook; so are
/// nodes where /dev is no tmpfs of the container's own, and rules where there are none, because a
/// container without any is restricted by runc and not by crun. Hooks of NVIDIA's names, which
/// would do the work twice, are taken out. Everything else stays byte for byte as it was written,
/// and what is there already is not added again: an edited config.json comes out the same. Throws
/// Error(spec_invalid).
[[nodiscard]] std::string edit_spec(std::string_view json, const Plan& plan, const SpecEdit& edit);

/// Whether a hook of an edited config.json is to complete it: others have nothing to do.
[[nodiscard]] bool is_edited(std::string_view json);

/// Whether a hook of a CDI specification of ours is to complete what that gave the container.
[[nodiscard]] bool has_cdi_hook(std::string_view json);

/// `plan` without the devices that the device rules of config.json deny, with a note for each: what
/// an engine gave by CDI, no hook widens. The whole of it if there are no rules.
[[nodiscard]] Plan plan_within_rules(Plan plan, std::string_view json);

/// `plan` without the steps that config.json has the runtime do; links know the libraries that they
/// may have to cover a file with.
[[nodiscard]] Plan remaining_plan(Plan plan, std::string_view json, const std::string& driver_root);

}  // namespace nvhook
