// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia cdi check`: reports whether CDI specifications still fit this host.
#pragma once

#include "command/shell/command.hpp"

namespace nvhook {

void add_cdi_check_options(boost::program_options::options_description& options);
/// Throws as read_host and read_cdi_file do.
Outcome run_cdi_check(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
