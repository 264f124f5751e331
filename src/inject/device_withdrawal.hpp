// SPDX-License-Identifier: Apache-2.0
// Takes devices from a container that runs: from its device cgroup, and from what systemd knows.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cgroup/device_cgroup.hpp"
#include "cgroup/systemd/systemd_scope.hpp"
#include "inject/container_process.hpp"
#include "os/root_dir.hpp"
#include "plan/plan.hpp"
#include "text/note.hpp"

namespace nvhook {

class DeviceWithdrawal {
 public:
  /// `system` is the host's root, `config_json` the container's, for a device filter that the
  /// kernel hides. Both must outlive this object.
  DeviceWithdrawal(const RootDir& system, std::string_view config_json) noexcept
      : system_(system), config_json_(config_json) {}

  /// On the host: prepares what denies `rules` to the cgroups in `cgroup`, the text of a
  /// /proc/<pid>/cgroup; `kept` are the rules of ours that stay. Throws as DevicePermission does.
  void prepare(const std::string& cgroup, const std::vector<DeviceRule>& rules,
               const std::vector<DeviceRule>& kept);

  /// Denies the devices, in any mount namespace. Throws Error(container_gone) if `process` has
  /// ended, and as DevicePermission::grant does; undo() undoes what was done before that.
  void withdraw(const ContainerProcess& process);
  void undo() noexcept;

  /// What systemd was told, and why a device may still be used.
  [[nodiscard]] const Notes& notes() const noexcept { return notes_; }

 private:
  const RootDir& system_;
  std::string_view config_json_;
  std::optional<DevicePermission> permission_ = {};
  std::optional<SystemdScope> scope_ = {};
  std::vector<DeviceRule> kept_ = {};
  std::vector<DeviceRule> had_ = {};  // these, and those that are taken
  Notes notes_ = {};
};

}  // namespace nvhook
