// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia cdi generate`: writes this host's GPUs as a CDI specification.
#pragma once

#include "command/shell/command.hpp"

namespace nvhook {

void add_cdi_generate_options(boost::program_options::options_description& options);
/// Throws as read_host, ask_about_gpus and to_cdi do, and Error(spec_not_writable).
Outcome run_cdi_generate(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
