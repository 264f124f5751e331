// SPDX-License-Identifier: Apache-2.0
// Parses the command line, answers --help and --version, and makes one line of each failure.
#include "command/nvidia_ctk/nvidia_ctk.hpp"

#include <ostream>

#include "command/nvidia_ctk/ctk_commands.hpp"
#include "command/nvidia_ctk/ctk_context.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

CtkLevel level_of(const FlagValues& global) {
  if (global.is_on("quiet")) return CtkLevel::error;
  return global.is_on("debug") ? CtkLevel::debug : CtkLevel::info;
}

void run(const CtkLine& line, CommandContext& command, const std::string& version) {
  if (line.global.is_on("version")) {
    command.out << "NVIDIA Container Toolkit CLI version " << version << " (oci-nvidia-hook)\n";
    return;
  }
  if (line.command == nullptr || line.global.is_on("help")) {
    command.out << ctk_help(line, ctk_commands());
    return;
  }
  CtkLog log(command.err, level_of(line.global));
  for (const std::string& word : line.ignored) log.warning("`" + word + "` is ignored");
  CtkContext context{.command = command, .log = log};
  line.command->run(line, context);
}

}  // namespace

int run_nvidia_ctk(const std::vector<std::string>& arguments, const CtkEnvironment& environment,
                   CommandContext& context, const std::string& version) {
  CtkLog errors(context.err, CtkLevel::error);
  try {
    run(parse_ctk_line(arguments, environment, ctk_commands()), context, version);
    return 0;
  } catch (const UsageFault& fault) {
    errors.error(std::string(fault.what()) + ". Try: nvidia-ctk --help");
  } catch (const Error& error) {
    errors.error(to_line(error));
  }
  return 1;
}

}  // namespace nvhook
