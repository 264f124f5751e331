// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia attach`: gives GPUs to a container that runs.
#pragma once

#include "command/shell/command.hpp"

namespace nvhook {

inline constexpr std::string_view kAttachOperands = "PID|CONTAINER DEVICES";
inline constexpr std::string_view kAttachDetails =
    "The container gets what it would have got if it had been started with these devices as well:\n"
    "nodes, the driver's files, links, entries in its loader cache, its view of\n"
    "/proc/driver/nvidia, and the permission of its device cgroup. What it has already stays as "
    "it\n"
    "is; a second call changes nothing, and a call that fails leaves nothing behind. The "
    "variables\n"
    "of its processes stay as they are, and a process that has used CUDA before must be started\n"
    "anew to see the new GPU. A restart of the container forgets the devices.\n\n"
    "DEVICES are named as in NVIDIA_VISIBLE_DEVICES. --capabilities are added to those that the\n"
    "container asks for (by default utility,compute). Needs root or, for a rootless container, "
    "the\n"
    "user namespace of its engine (podman unshare).\n\n"
    "  sudo oci-nvidia attach web 1\n"
    "      GPU 1 for the container web of Docker, Podman, CRI-O, containerd, runc, crun or LXC\n"
    "  sudo oci-nvidia attach 4711 GPU-8f6a…\n"
    "      for the container whose first process has the number 4711\n"
    "  sudo oci-nvidia attach --dry-run --capabilities graphics web all\n"
    "      shows what would be done";

void add_attach_options(boost::program_options::options_description& options);
/// Throws UsageFault unless a container and devices are named, and what pin_container,
/// plan_attachment and apply_attachment throw.
Outcome run_attach(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
