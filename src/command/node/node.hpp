// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia node`: the installer for nodes of Kubernetes, which a DaemonSet runs.
#pragma once

#include <string_view>

#include "command/shell/command.hpp"

namespace nvhook {

inline constexpr std::string_view kNodeDetails =
    "Puts the programs on the node whose root directory is --host-root, configures its engine as\n"
    "`oci-nvidia setup` does, has systemd restart the engine if that is necessary, writes labels "
    "for\n"
    "Node Feature Discovery, and waits. When it is ended (SIGTERM), it takes all of that back, "
    "unless\n"
    "another of the same owner has begun meanwhile, as in an upgrade. Killed at any moment, it "
    "goes\n"
    "on where it is started again. Only one owner has a node.\n"
    "\n"
    "--config names the hook's configuration for the node; without it, a variable of an image "
    "gives\n"
    "a pod nothing, and a device plugin assigns GPUs by volume mounts. A file that the node has\n"
    "already stays.\n"
    "\n"
    "Examples:\n"
    "  oci-nvidia node --host-root /host --owner gpu/oci-nvidia-hook\n"
    "  oci-nvidia node --host-root /host --remove";

void add_node_options(boost::program_options::options_description& options);
/// Returns when a signal has ended it. Throws what NodeInstaller throws.
Outcome run_node(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
