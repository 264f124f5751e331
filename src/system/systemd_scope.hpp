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
#include "system/systemd_bus.hpp"
#include "system/unique_fd.hpp"

namespace nvhook {

/// systemd applies its policy, which knows only what the runtime told it, again at `daemon-reload`
/// and at every change of the unit's properties. So it is told of our devices over its private
/// socket, at once. Where that cannot be reached, a drop-in beside the transient scope's own files
/// tells it at the next `daemon-reload`.
class SystemdScope {
 public:
  /// Opens what is needed on the host, whose root is `system`, for a container whose
  /// /proc/<pid>/cgroup reads `cgroup`. Nothing if it does not run in a scope of the system
  /// manager, or in one whose devices systemd does not restrict.
  [[nodiscard]] static std::optional<SystemdScope> find(std::string_view cgroup,
                                                        const RootDir& system);

  /// Tells systemd of `rules`, and makes the links in /dev/char by which it knows devices before
  /// version 240. Drop-ins of ours whose scopes are gone are removed. What fails is a warning: the
  /// container works until systemd applies its policy again. To be called from any mount namespace.
  [[nodiscard]] Notes keep(const std::vector<DeviceRule>& rules);
  /// Removes the drop-in, if there is one. What systemd was told goes with the scope.
  void forget() noexcept;

 private:
  SystemdScope(std::string name, UniqueFd units, UniqueFd dev) noexcept
      : name_(std::move(name)), units_(std::move(units)), dev_(std::move(dev)) {}

  [[nodiscard]] bool is_restricted() const;
  [[nodiscard]] Note tell(const std::vector<DeviceNumber>& devices);
  [[nodiscard]] bool write(const std::string& text) const;
  void link_devices(const std::vector<DeviceRule>& rules) const;
  void sweep() const;

  std::string name_;
  UniqueFd units_;  // /run/systemd/transient
  UniqueFd dev_;
  std::optional<SystemdBus> bus_ = {};
};

}  // namespace nvhook
