// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia doctor`: finds what keeps GPUs from containers on this host, and says how to fix it.
#pragma once

#include "command/shell/command.hpp"

namespace nvhook {

inline constexpr const char* kDoctorDetails =
    "Looks at GPU, kernel module, device nodes, driver libraries, the hook, container engines and\n"
    "what else decides, in the order in which one depends on the other. What fails is shown with\n"
    "the command that fixes it (> …); what can only repeat that is skipped. Nothing is executed "
    "or\n"
    "changed. As root it sees most: sudo oci-nvidia doctor. An ordinary user learns what keeps "
    "GPUs\n"
    "from containers that this user starts.\n"
    "\n"
    "Exit status: 0 good, 1 warnings, 3 something is broken.\n"
    "\n"
    "Examples:\n"
    "  sudo oci-nvidia doctor\n"
    "  sudo oci-nvidia doctor --quiet --engine docker\n"
    "  oci-nvidia doctor --json | jq '.checks[] | select(.verdict == \"bad\")'";

void add_doctor_options(boost::program_options::options_description& options);
/// Throws UsageFault for an unknown engine, and what read_report throws.
Outcome run_doctor(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
