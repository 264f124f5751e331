// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia cdi refresh`: keeps this host's CDI specification as the host is.
#pragma once

#include <string_view>

#include "command/shell/command.hpp"

namespace nvhook {

inline constexpr std::string_view kCdiRefreshDetails =
    "Writes the specification that `cdi generate` makes with the same options, if it says another\n"
    "thing than the file. Without a driver or a GPU it removes the file. It leaves a file alone\n"
    "that another program wrote. oci-nvidia-cdi.service runs it at boot and after changes.\n"
    "\n"
    "Without --output, the file is /var/run/cdi/nvidia.com-gpu.json.\n"
    "\n"
    "Example:\n"
    "  oci-nvidia cdi refresh --mode thin";

void add_cdi_refresh_options(boost::program_options::options_description& options);
/// Throws as run_cdi_generate does, except for a host without a driver or a GPU; and
/// Error(spec_not_writable) for a file that another program wrote, or that cannot be removed.
Outcome run_cdi_refresh(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
