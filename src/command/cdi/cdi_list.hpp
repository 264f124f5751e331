// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia cdi list`: the device names of CDI specifications.
#pragma once

#include "command/shell/command.hpp"

namespace nvhook {

void add_cdi_list_options(boost::program_options::options_description& options);
/// Names that no engine resolves are a warning.
Outcome run_cdi_list(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
