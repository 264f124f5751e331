// SPDX-License-Identifier: Apache-2.0
// Lets a container's systemd scope keep its devices when systemd applies its own policy again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/note.hpp"
#include "core/plan.hpp"
#include "system/root_dir.hpp"
#include "system/unique_fd.hpp"

namespace nvhook {

/// A drop-in with DeviceAllow beside the transient scope's own files, which systemd reads at
/// `daemon-reload` and which goes with the unit. Without it systemd's program, which knows only
/// what the runtime told it, would close the devices again.
class SystemdScope {
 public:
  /// Opens what is needed on the host, whose root is `system`, for a container whose
  /// /proc/<pid>/cgroup reads `cgroup`. Nothing if it does not run in a scope of the system
  /// manager, or in one whose devices systemd does not restrict.
  [[nodiscard]] static std::optional<SystemdScope> find(std::string_view cgroup,
                                                        const RootDir& system);

  /// Writes the drop-in for `rules`, makes the links in /dev/char by which systemd before 240 knows
  /// the devices, and removes drop-ins of ours whose scopes are gone. What fails is a warning: the
  /// container works until the next reload. To be called from any mount namespace.
  [[nodiscard]] Notes keep(const std::vector<DeviceRule>& rules);
  /// Removes the drop-in.
  void forget() noexcept;

 private:
  SystemdScope(std::string name, UniqueFd units, UniqueFd dev) noexcept
      : name_(std::move(name)), units_(std::move(units)), dev_(std::move(dev)) {}

  [[nodiscard]] bool is_restricted() const;
  [[nodiscard]] bool write(const std::string& text) const;
  void link_devices(const std::vector<DeviceRule>& rules) const;
  void sweep() const;

  std::string name_;
  UniqueFd units_;  // /run/systemd/transient
  UniqueFd dev_;
};

}  // namespace nvhook
