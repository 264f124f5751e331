// SPDX-License-Identifier: Apache-2.0
// Grants a container access to devices through its device cgroup, v1 and v2.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"
#include "os/unique_fd.hpp"
#include "text/note.hpp"

namespace nvhook {

/// The device permissions of one container. Opened on the host before anything is changed; granting
/// comes last, and what was granted can be taken back. At no moment is the filter more open than
/// before plus `devices`.
class DevicePermission {
 public:
  /// Opens what restricts the process whose /proc/<pid>/cgroup reads `cgroup`, by our own
  /// mountinfo, and makes ready what will grant `devices` (v2: the new program is loaded and
  /// verified here). Nothing restricts: nothing will be done. In a user namespace of ours, or
  /// without the right to the query (EPERM; rootless, nested): the same, with a note. Throws
  /// Error(cgroup_not_found, cgroup_denied, device_filter_failed).
  DevicePermission(std::string_view cgroup, std::string_view mountinfo,
                   std::vector<DeviceNumber> devices);
  DevicePermission(DevicePermission&& other) noexcept;
  DevicePermission& operator=(DevicePermission&& other) noexcept;
  DevicePermission(const DevicePermission&) = delete;
  DevicePermission& operator=(const DevicePermission&) = delete;
  ~DevicePermission();

  /// Grants. v1: devices.allow; v2: BPF_F_REPLACE, or attach the new program and then detach the
  /// old one.
  void grant();
  /// Takes back what grant() granted and was not there before.
  void revoke() noexcept;

  /// There was no right to see or change what restricts the container (rootless, nested), so that
  /// what is granted depends on what is around it.
  [[nodiscard]] bool refused() const noexcept;
  /// The container shares a systemd scope with other processes or cgroups: what the scope as a
  /// whole were allowed, they would get, too.
  [[nodiscard]] bool shares_scope() const noexcept;
  [[nodiscard]] const Notes& notes() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether a container shares a systemd scope, as DevicePermission::shares_scope, without making
/// anything ready.
[[nodiscard]] bool is_in_shared_scope(std::string_view cgroup, std::string_view mountinfo);

}  // namespace nvhook
