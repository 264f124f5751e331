// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia cdi generate`: writes this host's GPUs, or other devices of NVIDIA's drivers, as a
// CDI specification.
#pragma once

#include "command/cdi/generate_options.hpp"
#include "command/shell/command.hpp"

namespace nvhook {

/// Throws as read_host, ask_about_gpus and to_cdi do, Error(device_node_missing) for a node that is
/// not below --dev-root, Error(spec_not_writable), and UsageFault.
Outcome run_cdi_generate(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
