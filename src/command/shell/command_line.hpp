// SPDX-License-Identifier: Apache-2.0
// The command line of `oci-nvidia`: which command, with which options; help.
#pragma once

#include <string>
#include <vector>

#include "command/shell/command.hpp"

namespace nvhook {

/// What is common to all commands. May stand before and behind the command.
struct GlobalOptions {
  std::string config_file = {};
  std::string host_root = "/";
  std::string color = "auto";
  bool json = false;
  bool verbose = false;
  bool help = false;
  bool version = false;
};

/// The options that all commands have; their values go to `global`, which must stay.
[[nodiscard]] boost::program_options::options_description global_options(GlobalOptions& global);

struct CommandLine {
  GlobalOptions global = {};
  /// Absent where the command line names none (--help, --version).
  const Command* command = nullptr;
  OptionValues values = {};
};

/// Throws UsageFault for a command or an option that does not exist, a value that is missing, and
/// words that the command takes none of.
[[nodiscard]] CommandLine parse_command_line(const std::vector<std::string>& arguments,
                                             std::span<const Command> commands);

/// The commands and the options that all of them have.
[[nodiscard]] std::string help_text(std::span<const Command> commands);
/// How `command` is called, and its own options.
[[nodiscard]] std::string help_text(const Command& command);

}  // namespace nvhook
