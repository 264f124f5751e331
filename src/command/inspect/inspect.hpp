// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia inspect`: shows what a running container has of the driver now.
#pragma once

#include "command/shell/command.hpp"

namespace nvhook {

inline constexpr std::string_view kInspectDetails =
    "Looks from outside at the container's mounts, device nodes, loader cache and device cgroup, "
    "and\n"
    "compares them with the driver that the host has today: after an upgrade of the driver a\n"
    "container keeps what it was started with. Nothing is changed, and nothing of the container "
    "is\n"
    "run. It takes the rights of the user whose container it is, as a rule root.\n\n"
    "  oci-nvidia inspect web\n"
    "      a container of Docker, Podman, CRI-O, containerd, runc or crun, by name or id\n"
    "  oci-nvidia inspect 4711\n"
    "      a process, for LXC the container's first\n\n"
    "The exit status is 0 if all of it is today's driver, 1 if something is stale or missing, and\n"
    "3 if the container cannot use its GPUs.";

void add_inspect_options(boost::program_options::options_description& options);
/// Throws UsageFault unless exactly one container is named, and Error if it does not exist, is not
/// running or may not be examined.
Outcome run_inspect(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
