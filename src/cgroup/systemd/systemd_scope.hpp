// SPDX-License-Identifier: Apache-2.0
// Lets a container's systemd scope keep its devices when systemd applies its own policy again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cgroup/systemd/scope_unit.hpp"
#include "cgroup/systemd/systemd_bus.hpp"
#include "os/device_number.hpp"
#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"
#include "plan/plan.hpp"
#include "text/note.hpp"

namespace nvhook {

/// systemd applies its policy, which knows only what the runtime told it, again at `daemon-reload`
/// and at every change of the unit's properties. So it is told of our devices over its private
/// socket, at once. Where that cannot be reached, a drop-in beside the transient scope's own files
/// tells it at the next `daemon-reload`.
///
/// A cgroup can have a scope's name anywhere, so the container's must be the one that systemd has
/// for that scope: by its own word, or, where it cannot be asked, by the slice in the unit's file.
class SystemdScope {
 public:
  /// Opens what is needed on the host, whose root is `system`, for a container whose
  /// /proc/<pid>/cgroup reads `cgroup`. Nothing if its cgroup has the name of no scope of the
  /// system manager, or of one whose devices systemd does not restrict.
  [[nodiscard]] static std::optional<SystemdScope> find(std::string_view cgroup,
                                                        const RootDir& system);

  /// Tells systemd of `rules`, if the scope is the container's, and makes the links in /dev/char by
  /// which it knows devices before version 240. It is waited for no longer than a quarter of a
  /// second. What fails is a warning: the container works until systemd applies its policy again.
  /// To be called from any mount namespace.
  [[nodiscard]] Notes keep(const std::vector<DeviceRule>& rules);
  /// Removes the drop-in that keep() made. What systemd was told goes with the scope.
  void forget() noexcept;

 private:
  SystemdScope(NamedScope named, UniqueFd units, UniqueFd dev) noexcept
      : named_(std::move(named)), units_(std::move(units)), dev_(std::move(dev)) {}

  [[nodiscard]] Note tell(const std::vector<DeviceNumber>& devices);
  [[nodiscard]] Note leave_drop_in(const std::vector<DeviceNumber>& devices,
                                   const std::string& what);
  void link_devices(const std::vector<DeviceRule>& rules) const;

  NamedScope named_;
  std::string text_ = {};  // of the unit's files
  UniqueFd units_;         // /run/systemd/transient
  UniqueFd dev_;
  bool has_drop_in_ = false;
  std::optional<SystemdBus> bus_ = {};
};

}  // namespace nvhook
