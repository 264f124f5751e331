// SPDX-License-Identifier: Apache-2.0
// What the parts of the planner share: the facts that they decide from and the plan that grows.
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

// The reference's mount flags (behaviour.md §7.4). Read-only on a device node protects the node,
// not the device.
inline constexpr MountAttributes kFileMount{};
inline constexpr MountAttributes kEndpointMount{
    .read_only = false, .no_dev = true, .no_exec = true};
// A directory of sockets and FIFOs, which work on a read-only mount too: what a container could put
// beside them would lie on the host.
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

/// A plan in which no target is taken twice.
class PlanBuilder {
 public:
  /// False, with a note, if something else goes to that target already.
  bool bind(BindMount mount);
  void link(Symlink symlink);
  void tmpfs(TmpfsMount mount) { plan_.tmpfs.push_back(std::move(mount)); }
  void loader_entry(LoaderEntry entry) { plan_.loader_entries.push_back(std::move(entry)); }
  void loader_path(LoaderPath path) { plan_.loader_path = std::move(path); }
  void note(Note note) { plan_.notes.push_back(std::move(note)); }

  /// Binds a device node at its own path and lets the container use it.
  void node(const DeviceNode& node, const std::string& reason);
  void allow(DeviceNumber device, const std::string& reason, HostPath node = {});
  /// Binds a file or directory of /proc at its own path, read-only.
  void proc(SourceType type, const std::string& path, const std::string& reason);

  [[nodiscard]] bool has_target(const ContainerPath& target) const {
    return targets_.contains(target);
  }
  [[nodiscard]] const Plan& plan() const noexcept { return plan_; }
  /// The finished plan; the builder is empty then.
  [[nodiscard]] Plan take() { return std::move(plan_); }

 private:
  Plan plan_ = {};
  std::set<ContainerPath> targets_ = {};
};

}  // namespace nvhook
