// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia cdi list`: prints the device names that CDI specifications define.
#pragma once

#include "command/shell/command.hpp"

namespace nvhook {

void add_cdi_list_options(boost::program_options::options_description& options);
/// Returns Outcome::warning if no engine resolves one of the names.
Outcome run_cdi_list(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
