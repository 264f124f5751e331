// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia detach`: takes GPUs from a container that runs.
#pragma once

#include "command/shell/command.hpp"

namespace nvhook {

inline constexpr std::string_view kDetachOperands = "PID|CONTAINER DEVICES";
inline constexpr std::string_view kDetachDetails =
    "Takes the permission of the device cgroup, the nodes, and the GPU's entry in the container's\n"
    "view of /proc/driver/nvidia. With its last GPU the container loses the driver's files, links\n"
    "and entries in the loader cache as well. It does not matter how it got them.\n\n"
    "If processes of the container have a node open, they are named, and nothing is done. With\n"
    "--force it is done all the same: such a process cannot open the GPU again, but what it has\n"
    "open or mapped stays usable until it ends. No kernel can take that back.\n\n"
    "  sudo oci-nvidia detach web 1\n"
    "      GPU 1, and nothing else\n"
    "  sudo oci-nvidia detach --force web all\n"
    "      all GPUs, and the driver; whoever uses one keeps it until it ends";

void add_detach_options(boost::program_options::options_description& options);
/// Throws UsageFault unless a container and devices are named, Error(device_in_use), and what
/// pin_container, plan_detachment and apply_detachment throw.
Outcome run_detach(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
