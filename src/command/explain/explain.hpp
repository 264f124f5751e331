// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia explain`: shows what a container would get, and why.
#pragma once

#include "command/shell/command.hpp"

namespace nvhook {

inline constexpr std::string_view kExplainDetails =
    "Nothing is changed. The plan is made by the hook's own planner.\n\n"
    "  oci-nvidia explain --container web\n"
    "      a container of Docker, Podman, CRI-O, containerd, runc or crun, by name or id\n"
    "  oci-nvidia explain --bundle /run/containers/…/userdata\n"
    "      the config.json in that directory\n"
    "  oci-nvidia explain --env NVIDIA_VISIBLE_DEVICES=0,2\n"
    "      any container with that variable\n"
    "  docker inspect cuda:12.4 | oci-nvidia explain --image-config -\n"
    "      a container of that image\n\n"
    "The exit status is 3 if the hook would not let the container start, and 0 else.";

void add_explain_options(boost::program_options::options_description& options);
/// Throws UsageFault for options that contradict each other, and Error for input that cannot be
/// read. If the hook itself would fail, that is not an exception but the outcome `broken`.
Outcome run_explain(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
