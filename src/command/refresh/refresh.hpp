// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia refresh`: gives containers that run the driver that the host has today.
#pragma once

#include "command/shell/command.hpp"

namespace nvhook {

inline constexpr std::string_view kRefreshOperands = "PID|CONTAINER";
inline constexpr std::string_view kRefreshDetails =
    "After an upgrade of the driver, or a change of MIG devices, a container that runs keeps the\n"
    "files, nodes and permissions that it was started with. This puts those of today in their\n"
    "place: what a start now would give it, with what attach and detach changed since. All of it\n"
    "is done, or nothing.\n\n"
    "Processes that still use what goes are named, and nothing is done without --force. Nothing\n"
    "can be taken from them: they keep what they have until they end. Needs root or, for a\n"
    "rootless container, the user namespace of its engine (podman unshare).\n\n"
    "  sudo oci-nvidia refresh --all --dry-run\n"
    "      shows what is stale in which container\n"
    "  sudo oci-nvidia refresh web\n"
    "      the container web of Docker, Podman, CRI-O, containerd, runc, crun or LXC\n\n"
    "The exit status is 0 if all is today's driver, 1 if something was left as it was, and 3 if\n"
    "with --all one container could not be refreshed.";

void add_refresh_options(boost::program_options::options_description& options);
/// Throws UsageFault unless exactly one container or --all is named; for one container also what
/// pin_container, plan_refresh and apply_refresh throw, and Error(device_in_use).
Outcome run_refresh(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
