// SPDX-License-Identifier: Apache-2.0
// Whether the engine that `setup` is to configure is there.
#pragma once

#include <string>
#include <string_view>

#include "os/process_setup.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// Returns what is to be told if the engine's `program` is in none of the directories in which
/// services look; empty if it is.
[[nodiscard]] std::string why_not_installed(std::string_view program, const RootDir& system);

/// Whether the caller, who is not root, has a Docker of his own: its data, its configuration, its
/// unit (as `dockerd-rootless-setuptool.sh install` makes it) or its socket. The package of
/// rootless Docker proves nothing, because Docker's own repository installs it with Docker.
[[nodiscard]] bool has_rootless_docker(const std::string& user_config, const CallerContext& caller,
                                       const RootDir& system);

}  // namespace nvhook
