// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia list`: what this host has for containers.
#pragma once

#include "command/command.hpp"

namespace nvhook {

void add_list_options(boost::program_options::options_description& options);
/// Throws as read_host does.
Outcome run_list(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
