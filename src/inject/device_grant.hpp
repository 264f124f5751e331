// SPDX-License-Identifier: Apache-2.0
// Lets a container use the devices of a plan: its device cgroup, and systemd if it has a scope.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cgroup/device_cgroup.hpp"
#include "cgroup/systemd/systemd_scope.hpp"
#include "inject/container_process.hpp"
#include "os/device_number.hpp"
#include "os/root_dir.hpp"
#include "plan/plan.hpp"
#include "text/note.hpp"

namespace nvhook {

/// Shared by the hook, which grants when a container starts, and `oci-nvidia regrant`.
class DeviceGrant {
 public:
  /// `system` and `driver` are the host's roots. `config_json` is the container's, from which a
  /// device filter is made anew that the kernel hides; empty if it is not known. All must outlive
  /// this object.
  DeviceGrant(const RootDir& system, const RootDir& driver,
              std::string_view config_json = {}) noexcept
      : system_(system), driver_(driver), config_json_(config_json) {}

  /// Before prepare(): an earlier run may have granted just `devices`. That it granted the rules
  /// that prepare() gets is expected anyway. Needed only where the kernel hides the filter.
  void expect_granted(std::vector<DeviceNumber> devices) { granted_.push_back(std::move(devices)); }

  /// Before prepare(), for a container that runs: it has `rules` already, and keeps them after
  /// revoke().
  void keep_granted(const std::vector<DeviceRule>& rules);

  /// On the host: opens the cgroups of a process whose /proc/<pid>/cgroup contains `cgroup`, and
  /// prepares what will grant `rules`. Throws as DevicePermission does, and Error(cgroup_denied) if
  /// a cgroup around this one denies the control device.
  void prepare(const std::string& cgroup, const std::vector<DeviceRule>& rules);
  /// After prepare(): `rules` are granted by the runtime, so only systemd is informed of them.
  void prepare_systemd_rules(const std::string& cgroup, const std::vector<DeviceRule>& rules);

  /// After prepare() and before grant(): the devices that a device cgroup denies, in order
  /// (DevicePermission::missing).
  [[nodiscard]] std::vector<DeviceNumber> missing() const;
  /// Whether systemd, if it applies a device policy to the container's scope, has what grant() will
  /// give it.
  [[nodiscard]] bool is_known_to_systemd() const;

  /// Grants. May be called in any mount namespace. Throws Error(container_gone) if `process` has
  /// ended, and as DevicePermission::grant does; revoke() undoes what was done before that.
  void grant(const ContainerProcess& process);
  /// Takes back what grant() gave, but for keep_granted().
  void revoke() noexcept;

  /// What could not be done, and what systemd was told.
  [[nodiscard]] const Notes& notes() const noexcept { return notes_; }

 private:
  [[nodiscard]] FilterGuesses guesses_for(const std::string& cgroup,
                                          const std::vector<DeviceRule>& rules) const;

  const RootDir& system_;
  const RootDir& driver_;
  std::string_view config_json_;
  std::vector<std::vector<DeviceNumber>> granted_ = {};
  std::optional<DevicePermission> permission_ = {};
  std::optional<SystemdScope> scope_ = {};
  std::vector<DeviceRule> rules_ = {};
  std::vector<DeviceRule> kept_ = {};
  Notes notes_ = {};
};

}  // namespace nvhook
