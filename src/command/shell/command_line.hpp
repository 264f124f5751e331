// SPDX-License-Identifier: Apache-2.0
// The command line of `oci-nvidia`: parses command and options, and formats the help.
#pragma once

#include <string>
#include <vector>

#include "command/shell/command.hpp"

namespace nvhook {

/// Options that all commands have. They may precede or follow the command.
struct GlobalOptions {
  std::string config_file = {};
  std::string host_root = "/";
  std::string color = "auto";
  bool json = false;
  bool verbose = false;
  bool help = false;
  bool version = false;
};

/// Returns the options that all commands have. Parsing writes to `global`, which must outlive the
/// result.
[[nodiscard]] boost::program_options::options_description global_options(GlobalOptions& global);

struct CommandLine {
  GlobalOptions global = {};
  /// Null if the command line names no command (--help, --version).
  const Command* command = nullptr;
  /// The first word of several commands, for their help: `cdi`; else empty.
  std::string group = {};
  OptionValues values = {};
};

/// `help COMMAND` and `version` are other spellings of the options. Throws UsageFault for an
/// unknown command, with the one that was probably meant, or option, a missing value, and for
/// operands that the command does not take.
[[nodiscard]] CommandLine parse_command_line(const std::vector<std::string>& arguments,
                                             std::span<const Command> commands);

/// Returns the list of commands, or of those of `group`, and the options that all of them have.
[[nodiscard]] std::string help_text(std::span<const Command> commands,
                                    const std::string& group = {});
/// Returns the synopsis of `command` and its own options.
[[nodiscard]] std::string help_text(const Command& command);

}  // namespace nvhook
