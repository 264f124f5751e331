// SPDX-License-Identifier: Apache-2.0
// The systemd scope of a container: its name, its control group, and the text of the drop-in.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"

namespace nvhook {

/// A scope, derived from the name of a cgroup. Whoever makes a cgroup chooses its name, so the
/// scope is the container's only if systemd's control group of `unit` is `control_group`.
struct NamedScope {
  std::string unit = {};  ///< `docker-4f….scope`
  std::string control_group =
      {};  ///< the cgroup that has its name, `/system.slice/docker-4f….scope`

  friend bool operator==(const NamedScope&, const NamedScope&) = default;
};

/// Returns the scope of the system manager after which the cgroup is named; `cgroup` is the text of
/// /proc/<pid>/cgroup. The scope is the last component of the path of a device cgroup, or the one
/// before it (crun: `<name>.scope/container`). nullopt for a service, whose policy its
/// administrator sets, and below `user@<uid>.service`, whose manager does not control devices.
[[nodiscard]] std::optional<NamedScope> container_scope(std::string_view cgroup);

/// Returns the control group of the scope `unit` of the system manager; `unit_text` is the text of
/// its transient unit file and drop-ins. By systemd's rule it has one directory for each part of
/// the slice's name, then the unit's. nullopt if `Slice=` is not the name of a slice.
[[nodiscard]] std::optional<std::string> control_group_by_slice(std::string_view unit,
                                                                std::string_view unit_text);

/// Whether a unit file or drop-in makes systemd restrict devices: a DeviceAllow with a value, or a
/// DevicePolicy other than auto. Only then may a DeviceAllow be added: in a unit without a
/// restriction it would become one.
[[nodiscard]] bool restricts_devices(std::string_view unit_text);

/// The device policy of a unit file and its drop-ins.
struct DevicePolicy {
  std::string_view name = "auto";              ///< DevicePolicy=
  std::vector<std::string_view> allowed = {};  ///< values of DeviceAllow=, in their order
};

/// Returns it; an assignment of nothing takes back those before it.
[[nodiscard]] DevicePolicy device_policy(std::string_view unit_text);

/// Returns `unit_text` without the lines by which the hook lets the unit use `devices`.
[[nodiscard]] std::string without_devices(std::string_view unit_text,
                                          const std::vector<DeviceNumber>& devices);

/// Whether a unit file and its drop-ins let the unit read and write each of `devices`, by lines in
/// the form of device_allow_drop_in(); an assignment of nothing takes back those before it. Lines
/// of other forms, such as `char-nvidia`, are not looked at.
[[nodiscard]] bool allows_devices(std::string_view unit_text,
                                  const std::vector<DeviceNumber>& devices);

/// Returns the file in bpffs with the device filter that systemd attaches to the scope at each
/// reload, which the runtime pinned there (crun since 1.23): the last `BPFProgram=device:` of a
/// unit file and its drop-ins; an assignment of nothing takes back those before it. nullopt if
/// there is none.
[[nodiscard]] std::optional<std::string> pinned_device_filter(std::string_view unit_text);

/// Returns a drop-in that makes systemd attach the device filter pinned as `path` in place of the
/// one that pinned_device_filter() names. Programs of other kinds (`ingress:`, `egress:`) stay.
[[nodiscard]] std::string pinned_filter_drop_in(std::string_view unit_text, std::string_view path);

/// Returns the name of the file in bpffs for a scope, a name of its own for each: bpffs reserves
/// names with a dot, and no name of a unit has a `+`.
[[nodiscard]] std::string pin_name(std::string_view scope);

/// Returns a drop-in that allows a scope to read and write character devices, by names that systemd
/// understands without a node (systemd.resource-control(5), 240 and later).
[[nodiscard]] std::string device_allow_drop_in(const std::vector<DeviceNumber>& devices);

}  // namespace nvhook
