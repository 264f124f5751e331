// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia ps` and `oci-nvidia top`: which container has which GPU, and who uses it.
#pragma once

#include "command/shell/command.hpp"

namespace nvhook {

inline constexpr std::string_view kPsDetails =
    "Containers that have a GPU or a MIG device, the processes that use one, whose they are and\n"
    "since when they run; then such processes outside of containers. It reads /proc and cgroups,\n"
    "and opens no GPU. Whoever is not root sees what a user may see, and is told what is missing.\n"
    "\n"
    "  oci-nvidia ps\n"
    "  oci-nvidia ps --watch=5\n"
    "      every five seconds, until Ctrl-C\n"
    "  oci-nvidia ps --json --watch\n"
    "      one document a line\n"
    "  oci-nvidia ps --prometheus /var/lib/node_exporter/textfile_collector/oci_nvidia.prom\n"
    "      metrics for Prometheus; the file is replaced as a whole";

inline constexpr std::string_view kTopDetails = "The same as `oci-nvidia ps --watch`.";

void add_ps_options(boost::program_options::options_description& options);
void add_top_options(boost::program_options::options_description& options);

/// Throws UsageFault for options that contradict each other, and Error if the driver is not loaded
/// or a file cannot be written.
Outcome run_ps(const OptionValues& values, CommandContext& context);
Outcome run_top(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
