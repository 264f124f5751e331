// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia regrant`: gives running containers back the devices that something took away.
#pragma once

#include "command/shell/command.hpp"

namespace nvhook {

inline constexpr std::string_view kRegrantOperands = "PID|CONTAINER";
inline constexpr std::string_view kRegrantDetails =
    "A running container loses its GPUs if another program writes its device rules anew: podman\n"
    "update with crun and the cgroupfs manager, systemctl daemon-reload where systemd was not "
    "told\n"
    "of the GPUs. This grants again what the container was given when it started, and tells "
    "systemd\n"
    "again. It never grants more: the plan is made from the container's config.json and what "
    "attach\n"
    "and detach changed, and a device that has no node in the container stays denied. A container\n"
    "that does not ask for GPUs, or\n"
    "that its engine gave them by CDI, is left alone. Needs root.\n\n"
    "  oci-nvidia regrant web\n"
    "      a container of Docker, Podman, CRI-O, containerd, runc or crun, by name or id\n"
    "  oci-nvidia regrant --all --dry-run\n"
    "      shows which of all running containers have lost devices\n\n"
    "The exit status is 0 if the containers can use their GPUs, 1 if that is not known of one or "
    "not\n"
    "all is well, and 3 if one cannot use them, or could not before (--dry-run).";

void add_regrant_options(boost::program_options::options_description& options);
/// Throws UsageFault unless exactly one container or --all is named, and Error if the caller is not
/// root, or if the one that is named does not exist, does not run or cannot be granted its devices.
Outcome run_regrant(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
