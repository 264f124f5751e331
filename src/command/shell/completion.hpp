// SPDX-License-Identifier: Apache-2.0
// `oci-nvidia completion`: prints the script with which a shell completes commands and options.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "command/shell/command.hpp"

namespace nvhook {

/// Returns the script for bash, zsh or fish, made from the table of commands alone; empty for
/// another shell. The script starts no program.
[[nodiscard]] std::string completion_script(const std::string& shell,
                                            std::span<const Command> commands);

inline constexpr const char* kCompletionOperands = "bash|zsh|fish";
inline constexpr std::string_view kCompletionDetails =
    "The packages install them. For the shell that is open:\n"
    "  source <(oci-nvidia completion bash)\n"
    "  source <(oci-nvidia completion zsh)\n"
    "  oci-nvidia completion fish | source";

void add_completion_options(boost::program_options::options_description& options);
Outcome run_completion(const OptionValues& values, CommandContext& context);

}  // namespace nvhook
