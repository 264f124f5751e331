// SPDX-License-Identifier: Apache-2.0
// Containers of LXC, which have a configuration but no record of their process.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "command/containers/container_records.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// The engine of a record that find_lxc_container() made.
inline constexpr std::string_view kLxc = "LXC";

/// Returns the container with the configuration /var/lib/lxc/`name`/config, and as its first
/// process the one that is number 1 in its own PID namespace and in the cgroup
/// `lxc.payload.<name>`; with pid 0 if it does not run. nullopt if there is no such configuration.
/// `system` is the host's root.
[[nodiscard]] std::optional<ContainerRecord> find_lxc_container(const std::string& name,
                                                                const RootDir& system);

/// Returns the directory of `lxc.rootfs.path` in the text of a configuration; empty if it is none
/// but an image or a device.
[[nodiscard]] std::string parse_lxc_rootfs(std::string_view config);

/// The same of the configuration of the container `name`.
[[nodiscard]] std::string lxc_rootfs(const std::string& name, const RootDir& system);

}  // namespace nvhook
