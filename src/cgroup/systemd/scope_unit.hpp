// SPDX-License-Identifier: Apache-2.0
// Containers that run in a systemd scope: its name, and the text that lets it keep its devices.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"

namespace nvhook {

/// A scope by the name of a cgroup. Whoever makes a cgroup chooses its name, so the scope is the
/// container's only if systemd's control group of `unit` is `control_group`.
struct NamedScope {
  std::string unit = {};  ///< `docker-4f….scope`
  std::string control_group =
      {};  ///< the cgroup that has its name, `/system.slice/docker-4f….scope`

  friend bool operator==(const NamedScope&, const NamedScope&) = default;
};

/// The scope of the system manager that the cgroup of the process whose /proc/<pid>/cgroup reads
/// `cgroup` is named like. It is the end of the path of a device cgroup, or what comes before it
/// (crun: `<name>.scope/container`). Nothing for a service, whose policy is its administrator's,
/// and below `user@<uid>.service`, whose manager has no say over devices.
[[nodiscard]] std::optional<NamedScope> container_scope(std::string_view cgroup);

/// The control group of the scope `unit` of the system manager whose transient unit file and
/// drop-ins read `unit_text`, by the rule that systemd follows: one directory for each part of the
/// slice's name, then the unit's. Nothing if there is a slice that is none.
[[nodiscard]] std::optional<std::string> control_group_by_slice(std::string_view unit,
                                                                std::string_view unit_text);

/// Whether a unit file or drop-in makes systemd restrict devices: a DeviceAllow with a value, a
/// DevicePolicy other than auto. Only then may a DeviceAllow be added: in a unit without a
/// restriction it would be one.
[[nodiscard]] bool restricts_devices(std::string_view unit_text);

/// A drop-in that allows a scope to read and write character devices, by the names that systemd
/// understands without a node (systemd.resource-control(5), 240 and later).
[[nodiscard]] std::string device_allow_drop_in(const std::vector<DeviceNumber>& devices);

}  // namespace nvhook
