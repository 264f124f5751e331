// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia list`: shows what this host has for containers.
#pragma once

#include "command/shell/command.hpp"

namespace nvhook {

inline constexpr std::string_view kListDetails =
    "Driver files are in or out by the capabilities of a container that names none: compute and\n"
    "utility. Nothing is changed; no GPU is opened, and the driver is asked only for what the "
    "kernel\n"
    "does not tell.\n\n"
    "  oci-nvidia list\n"
    "  oci-nvidia list --why --capabilities graphics\n"
    "  oci-nvidia list --json";

void add_list_options(boost::program_options::options_description& options);
/// Throws as read_host does.
Outcome run_list(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
