// SPDX-License-Identifier: Apache-2.0
// Containers that run in a systemd scope: its name, and the text that lets it keep its devices.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/inventory.hpp"

namespace nvhook {

/// The scope of the system manager that the process whose /proc/<pid>/cgroup reads `cgroup` runs
/// in: `docker-4f….scope`. It is the end of the path of a device cgroup, or what comes before it
/// (crun:
/// `<name>.scope/container`). Nothing for a service, whose policy is its administrator's, and below
/// `user@<uid>.service`, whose manager has no say over devices.
[[nodiscard]] std::optional<std::string> container_scope(std::string_view cgroup);

/// Whether a unit file or drop-in makes systemd restrict devices: a DeviceAllow with a value, a
/// DevicePolicy other than auto. Only then may a DeviceAllow be added: in a unit without a
/// restriction it would be one.
[[nodiscard]] bool restricts_devices(std::string_view unit_text);

/// A drop-in that allows a scope to read and write character devices, by the names that systemd
/// understands without a node (systemd.resource-control(5), 240 and later).
[[nodiscard]] std::string device_allow_drop_in(const std::vector<DeviceNumber>& devices);

}  // namespace nvhook
