// SPDX-License-Identifier: Apache-2.0
// Looks for an engine's program, and for the traces of a user's own Docker.
#include "command/setup/engine_presence.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>

#include "command/engines/engine_files.hpp"

namespace nvhook {

std::string why_not_installed(std::string_view program, const RootDir& system) {
  if (!find_program(system, std::string(program)).empty()) return {};
  return std::string(program) +
         " is not in the directories in which services look (/usr/bin, …): install the engine; if "
         "it is elsewhere, name its configuration with --config-file";
}

bool has_rootless_docker(const std::string& user_config, const CallerContext& caller,
                         const RootDir& system) {
  const std::array traces{caller.home + "/.local/share/docker", user_config + "/docker/daemon.json",
                          user_config + "/systemd/user/docker.service",
                          caller.runtime_directory + "/docker.sock"};
  return std::any_of(traces.begin(), traces.end(), [&](const std::string& path) {
    return path.starts_with('/') && system.open(path, O_PATH);
  });
}

}  // namespace nvhook
