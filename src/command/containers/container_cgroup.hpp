// SPDX-License-Identifier: Apache-2.0
// Which cgroup an engine made for a container, whatever the container did with it since.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace nvhook {

/// `linux.cgroupsPath` in the text of a config.json; empty if there is none.
[[nodiscard]] std::string parse_cgroups_path(std::string_view config_json);

/// Reduces `cgroup`, the text of a /proc/<pid>/cgroup, to the container's own cgroups: those that
/// the runtime made by `cgroups_path` (runc(8) and crun(1): a path, or `slice:prefix:name` with
/// systemd) or, if that is empty, by the container's id. A process of the container may be in a
/// cgroup below (systemd in a container moves itself), and the outermost match counts, because the
/// container chooses the names of those below.
///
/// nullopt if the process is in no such cgroup: its number belongs to another process by now, or
/// the record is wrong.
[[nodiscard]] std::optional<std::string> own_cgroups(std::string_view cgroup,
                                                     std::string_view cgroups_path,
                                                     std::string_view id);

}  // namespace nvhook
