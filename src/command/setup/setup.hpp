// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia setup`: configures an engine to use the hook or the runtime shim.
#pragma once

#include <string_view>

#include "command/shell/command.hpp"

namespace nvhook {

inline constexpr const char* kSetupOperands = "docker|podman|crio|containerd|lxc";
/// The paragraphs of its help.
inline constexpr std::string_view kSetupDetails =
    "Adds what is missing to the engine's own configuration and shows the difference. What is "
    "there\n"
    "already is kept, byte for byte; a second run changes nothing. As an ordinary user, for the\n"
    "user's own (rootless) engine.\n"
    "\n"
    "  docker      checks that dockerd finds the hook (--gpus); --runtime: daemon.json\n"
    "  podman      checks that the hook's definition is found, else adds its directory in\n"
    "              containers.conf.d; --runtime: there too\n"
    "  crio        the same in crio.conf.d\n"
    "  containerd  the runtime in config.toml, for its CRI plugin\n"
    "  lxc         LXC's own hook in default.conf, for new containers; with --config-file in that "
    "of\n"
    "              a container, with a request for all GPUs\n"
    "\n"
    "Examples:\n"
    "  oci-nvidia setup docker --runtime --dry-run\n"
    "  sudo oci-nvidia setup docker --runtime --restart\n"
    "  sudo oci-nvidia setup containerd --set-default\n"
    "  sudo oci-nvidia setup lxc --config-file /var/lib/lxc/mine/config\n"
    "  sudo oci-nvidia setup docker --undo";

void add_setup_options(boost::program_options::options_description& options);
/// Throws what plan_docker and the other plan functions, write_change and run_systemctl throw.
Outcome run_setup(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
