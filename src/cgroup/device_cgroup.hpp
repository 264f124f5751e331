// SPDX-License-Identifier: Apache-2.0
// Grants a container access to devices through its device cgroup, v1 and v2.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cgroup/device_change.hpp"
#include "cgroup/filter_reader.hpp"
#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"
#include "os/unique_fd.hpp"
#include "text/note.hpp"

namespace nvhook {

/// The device permissions of one container. The cgroups are opened on the host before anything is
/// changed; granting comes last and can be taken back. At no moment does the filter allow more than
/// before plus `devices`. With DeviceChange::deny the same, but `devices` are taken away: then
/// missing() are those that are not denied yet.
class DevicePermission {
 public:
  /// Opens the cgroups that restrict the process whose /proc/<pid>/cgroup reads `cgroup`, using our
  /// own mountinfo, and prepares what will grant `devices` (v2: loads and verifies the new
  /// program; `guesses` are for a program that the kernel hides). If nothing restricts the process,
  /// nothing will be done. The same, with a note, in a user namespace of ours and if the query is
  /// not permitted (EPERM; rootless, nested). Throws Error(cgroup_not_found, cgroup_denied,
  /// device_filter_failed).
  DevicePermission(std::string_view cgroup, std::string_view mountinfo,
                   std::vector<DeviceNumber> devices, FilterGuesses guesses = {},
                   DeviceChange change = DeviceChange::allow);
  DevicePermission(DevicePermission&& other) noexcept;
  DevicePermission& operator=(DevicePermission&& other) noexcept;
  DevicePermission(const DevicePermission&) = delete;
  DevicePermission& operator=(const DevicePermission&) = delete;
  ~DevicePermission();

  /// The devices that a list or a filter denies, in order; also those for which it is not known
  /// what a filter decides. For use before grant().
  [[nodiscard]] std::vector<DeviceNumber> missing() const;

  /// Grants. v1: devices.allow. v2: BPF_F_REPLACE, or attaches the new program and then detaches
  /// the old one.
  void grant();
  /// Looks at the v2 filters once more, after grant(), and grants in a filter that another process
  /// attached meanwhile. Throws as grant() does.
  void confirm();
  /// Takes back what grant() granted and was not allowed before.
  void revoke() noexcept;

  /// Whether seeing or changing the restrictions was not permitted (rootless, nested). Then the
  /// access depends on the cgroups around the container.
  [[nodiscard]] bool refused() const noexcept;
  /// Whether the container shares a systemd scope with other processes or cgroups, which would also
  /// get what the whole scope is allowed.
  [[nodiscard]] bool shares_scope() const noexcept;
  [[nodiscard]] const Notes& notes() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether a container shares a systemd scope; as DevicePermission::shares_scope, but without
/// preparing anything.
[[nodiscard]] bool is_in_shared_scope(std::string_view cgroup, std::string_view mountinfo);

}  // namespace nvhook
