// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia cdi transform root`: rewrites the paths of a CDI specification.
#pragma once

#include <string_view>

#include "command/shell/command.hpp"

namespace nvhook {

/// What is changed; there is only one thing, as in NVIDIA's tool.
inline constexpr std::string_view kCdiTransformOperands = "root";

void add_cdi_transform_options(boost::program_options::options_description& options);
/// Throws UsageFault, Error(config_unreadable), Error(config_invalid), and as write_cdi() does.
Outcome run_cdi_transform(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
