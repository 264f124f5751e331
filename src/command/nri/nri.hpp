// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia nri`: a plugin by which containerd and CRI-O give containers the driver.
#pragma once

#include "command/shell/command.hpp"

namespace nvhook {

inline constexpr std::string_view kNriDetails =
    "A plugin of containerd 1.7 and later and of CRI-O, by their Node Resource Interface (NRI): "
    "each\n"
    "container that asks for GPUs gets their devices and the hook that does the rest, without a\n"
    "runtime class and without a hook directory. Runs until it is ended, and connects again when\n"
    "the engine is restarted. Usually started by oci-nvidia-nri.service.\n"
    "\n"
    "With its defaults a variable of an image gives nothing, mounts of a device plugin do; the "
    "keys\n"
    "accept-nvidia-visible-devices-… of config.toml say otherwise. The annotations\n"
    "nvidia.cdi.k8s.io/container.NAME and nvidia.cdi.k8s.io/pod of a pod count in the namespaces\n"
    "that --annotations-of names.\n"
    "\n"
    "Examples:\n"
    "  oci-nvidia nri\n"
    "  oci-nvidia nri --annotations-of gpu-operator\n"
    "  oci-nvidia nri --no-hook";

void add_nri_options(boost::program_options::options_description& options);
/// Returns when a signal ends it. Throws Error(internal) if signals cannot be waited for.
Outcome run_nri(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
