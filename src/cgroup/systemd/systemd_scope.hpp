// SPDX-License-Identifier: Apache-2.0
// Makes systemd keep a container's devices when it applies its own device policy again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cgroup/systemd/pinned_filter.hpp"
#include "cgroup/systemd/scope_unit.hpp"
#include "cgroup/systemd/systemd_bus.hpp"
#include "os/device_number.hpp"
#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"
#include "plan/plan.hpp"
#include "text/note.hpp"

namespace nvhook {

/// systemd applies its device policy again at `daemon-reload` and at every change of the unit's
/// properties. That policy has only the devices that the runtime asked for. So keep() adds ours at
/// once, through systemd's private socket. If the socket cannot be reached, it writes a drop-in
/// beside the files of the transient scope, which systemd reads at the next `daemon-reload`.
///
/// If systemd takes the scope's device filter from a file in bpffs instead (crun since 1.23), a
/// DeviceAllow would add a second filter that denies all else. Then keep() pins a filter of ours
/// and names it in the drop-in (PinnedFilter).
///
/// Any cgroup can have the name of a scope. So the container's cgroup must be the one that systemd
/// reports for the scope or, if systemd cannot be asked, the one below the slice in the unit's
/// file.
class SystemdScope {
 public:
  /// Opens what is needed on the host, whose root is `system`, for a container whose
  /// /proc/<pid>/cgroup contains `cgroup`. nullopt if its cgroup does not have the name of a scope
  /// of the system manager, or if systemd does not restrict the devices of that scope. `guesses`
  /// are for a device filter in bpffs that the kernel hides.
  [[nodiscard]] static std::optional<SystemdScope> find(std::string_view cgroup,
                                                        const RootDir& system,
                                                        const FilterGuesses& guesses = {});

  /// Whether the files of the unit, as they are now, have all that keep() would write or have
  /// written, so that the container keeps `rules` at the next reload.
  [[nodiscard]] bool knows(const std::vector<DeviceRule>& rules) const;
  /// Gives systemd `rules`, if the scope is the container's, and makes the links in /dev/char that
  /// systemd before version 240 needs. Waits for systemd at most 250 ms. A failure is a warning,
  /// because the container works until systemd applies its policy again. May be called in any mount
  /// namespace.
  [[nodiscard]] Notes keep(const std::vector<DeviceRule>& rules);
  /// Whether systemd takes the scope's device filter from a file. It then has all that the runtime
  /// grants.
  [[nodiscard]] bool has_filter_file() const noexcept { return filter_file_.has_value(); }
  /// Removes the drop-in that keep() made, and then the pinned filter. What systemd got through the
  /// socket ends with the scope.
  void forget() noexcept;
  /// Undoes keep() in a container that had `rules` before it: as forget() if it had none, else
  /// keeps them alone.
  void restore(const std::vector<DeviceRule>& rules) noexcept;

 private:
  SystemdScope(NamedScope named, UniqueFd units, UniqueFd dev) noexcept
      : named_(std::move(named)), units_(std::move(units)), dev_(std::move(dev)) {}

  [[nodiscard]] std::optional<std::string> why_not_the_containers(
      SystemdBus::Clock::time_point end);
  void open_filter(const RootDir& system, const FilterGuesses& guesses);
  [[nodiscard]] Note keep_by_file(const std::vector<DeviceNumber>& devices);
  [[nodiscard]] Note tell(const std::vector<DeviceNumber>& devices,
                          SystemdBus::Clock::time_point end);
  [[nodiscard]] Note leave_drop_in(const std::vector<DeviceNumber>& devices,
                                   const std::string& what);
  void link_devices(const std::vector<DeviceRule>& rules) const;

  NamedScope named_;
  std::string text_ = {};  // of the unit's files
  UniqueFd units_;         // /run/systemd/transient
  UniqueFd dev_;
  std::string drop_in_ = {};
  bool has_drop_in_ = false;
  bool is_restricted_ = false;
  std::optional<std::string> filter_file_ = {};  // in bpffs
  std::optional<PinnedFilter> pin_ = {};
  std::string why_no_pin_ = {};
  std::string why_not_asked_ = {};  // empty if systemd answered
  std::optional<SystemdBus> bus_ = {};
};

}  // namespace nvhook
