// SPDX-License-Identifier: Apache-2.0
// `nvidia-ctk config` and `config default`: print and change config.toml.
#pragma once

#include "command/nvidia_ctk/ctk_context.hpp"

namespace nvhook {

[[nodiscard]] std::span<const CtkFlag> config_flags();
[[nodiscard]] std::span<const CtkFlag> config_default_flags();

/// Prints the file with the settings of --set; with --in-place or --output, writes it. If the file
/// does not exist, the default one takes its place. Throws UsageFault as parse_setting does, and
/// Error as with_setting, parse_config and write_change do; then no file is changed.
void run_ctk_config(const CtkLine& line, CtkContext& context);
void run_ctk_config_default(const CtkLine& line, CtkContext& context);

}  // namespace nvhook
