// SPDX-License-Identifier: Apache-2.0
// Shared by the parts of the planner: the facts for the decisions, and the plan under construction.
#pragma once

#include <set>
#include <string>

#include "config/config.hpp"
#include "host/facts/inventory.hpp"
#include "host/gpu/gpu_selection.hpp"
#include "image/container_facts.hpp"
#include "os/device_number.hpp"
#include "plan/plan.hpp"
#include "request/request.hpp"

namespace nvhook {

// The mount flags of NVIDIA's toolkit (docs/behaviour.md §7.4). Read-only on a device node protects
// the node, not the device.
inline constexpr MountAttributes kFileMount{};
inline constexpr MountAttributes kEndpointMount{
    .read_only = false, .no_dev = true, .no_exec = true};
// A directory of sockets and FIFOs, which also work on a read-only mount. If it were writable,
// files that a container makes in it would lie on the host.
inline constexpr MountAttributes kEndpointsMount{
    .read_only = true, .no_dev = true, .no_exec = true};
inline constexpr MountAttributes kDeviceMount{.read_only = true, .no_dev = false, .no_exec = true};
inline constexpr MountAttributes kProcMount{.read_only = true, .no_dev = true, .no_exec = true};

struct PlanInput {
  const Request& request;
  const Inventory& inventory;
  const ContainerFacts& container;
  const Config& config;
  SelectedDevices selected = {};
};

/// A plan in which no target is used twice.
class PlanBuilder {
 public:
  /// Returns false, and adds a note, if the target is used already.
  bool bind(BindMount mount);
  void link(Symlink symlink);
  void tmpfs(TmpfsMount mount) { plan_.tmpfs.push_back(std::move(mount)); }
  void loader_entry(LoaderEntry entry) { plan_.loader_entries.push_back(std::move(entry)); }
  void loader_path(LoaderPath path) { plan_.loader_path = std::move(path); }
  void note(Note note) { plan_.notes.push_back(std::move(note)); }

  /// Mounts a device node at its own path and allows the container to use it.
  void node(const DeviceNode& node, const std::string& reason);
  void allow(DeviceNumber device, const std::string& reason, HostPath node = {});
  /// Mounts a file or directory of /proc at its own path, read-only.
  void proc(SourceType type, const std::string& path, const std::string& reason);

  [[nodiscard]] bool has_target(const ContainerPath& target) const {
    return targets_.contains(target);
  }
  [[nodiscard]] const Plan& plan() const noexcept { return plan_; }
  /// Returns the finished plan and leaves the builder empty.
  [[nodiscard]] Plan take() { return std::move(plan_); }

 private:
  Plan plan_ = {};
  std::set<ContainerPath> targets_ = {};
};

}  // namespace nvhook
