// SPDX-License-Identifier: Apache-2.0
// Entry point of `oci-nvidia`, the command for people: command line, output, exit status.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <sstream>

#include "command/nvidia_ctk/ctk_commands.hpp"
#include "command/nvidia_ctk/nvidia_ctk.hpp"
#include "command/nvidia_toolkit/nvidia_toolkit.hpp"
#include "command/nvidia_toolkit/toolkit_options.hpp"
#include "command/shell/command_line.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"
#include "text/paths.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

std::string variable(const char* name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): this program has one thread
  const char* value = ::secure_getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

Terminal terminal() {
  winsize size{};
  const bool has_size = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
  return {.is_terminal = ::isatty(STDOUT_FILENO) == 1,
          .no_color = variable("NO_COLOR"),
          .type = variable("TERM"),
          .columns = has_size ? size.ws_col : 0U};
}

int refuse(const UsageFault& fault) {
  const std::string words = fault.command().empty() ? "" : fault.command() + " ";
  std::cerr << kCommandProgram << ": " << printable(fault.what()) << ". Try: " << kCommandProgram
            << ' ' << words << "--help\n";
  return static_cast<int>(Outcome::usage);
}

/// Writes everything at the end, so that a command that fails leaves no partial output. A reader
/// that has read enough (`| head`) is no failure, but then this returns false.
bool write(const std::string& text) {
  std::cout << text << std::flush;
  if (!std::cout && errno != EPIPE) {
    throw Error(Code::internal, "write to standard output",
                "look at what standard output leads to");
  }
  return static_cast<bool>(std::cout);
}

/// Writes what `out` has, and empties it.
bool write_so_far(std::ostringstream& out) {
  const bool is_read = write(out.str());
  out.str({});
  return is_read;
}

/// The directory in which the command was started counts, not `/`, where it runs.
RootDir open_host(const std::string& path, const CallerContext& caller) {
  UniqueFd root =
      sys::open_beneath(caller.working_directory.get(), path.c_str(), O_PATH | O_DIRECTORY, 0);
  if (!root) {
    throw_errno(Code::driver_root_invalid, "open host root `" + path + "`",
                "name a directory with --host-root");
  }
  return RootDir(std::move(root));
}

/// A fault of its options is told with the name of the command, whose help explains them.
Outcome outcome_of(const CommandLine& line, CommandContext& context) {
  try {
    return line.command->run(line.values, context);
  } catch (const UsageFault& fault) {
    throw UsageFault(fault.what(), line.command->name);
  }
}

int run(const CommandLine& line, const Style& style, const CallerContext& caller) {
  const RootDir system = open_host(line.global.host_root, caller);
  std::ostringstream out;
  CommandContext context{.caller = caller,
                         .system = system,
                         .config_file = line.global.config_file,
                         .json = line.global.json,
                         .style = style,
                         .out = out,
                         .err = std::cerr,
                         .show_now = [&out] { return write_so_far(out); }};
  if (line.global.verbose) context.log.use_stderr();
  const Outcome outcome = outcome_of(line, context);
  static_cast<void>(write_so_far(out));
  return static_cast<int>(outcome);
}

int show_help(const CommandLine& line) {
  static_cast<void>(write(line.command == nullptr ? help_text(all_commands(), line.group)
                                                  : help_text(*line.command)));
  return 0;
}

int command_main(const std::vector<std::string>& arguments) {
  const Terminal shown_on = terminal();
  const CallerContext caller = harden_process();
  try {
    const CommandLine line = parse_command_line(arguments, all_commands());
    if (line.global.help) return show_help(line);
    if (line.global.version) {
      static_cast<void>(write(std::string(kCommandProgram) + " " OCI_NVIDIA_VERSION "\n"));
      return 0;
    }
    const auto style = style_of(line.global.color, shown_on);
    if (!style)
      throw UsageFault("--color is auto, always or never, not `" + line.global.color + "`");
    return run(line, *style, caller);
  } catch (const UsageFault& fault) {
    return refuse(fault);
  } catch (const Error& error) {
    std::cerr << kCommandProgram << ": " << to_line(error) << '\n';
    return exit_status(error.code());
  }
}

/// Under the name of the program that NVIDIA's GPU operator starts.
int toolkit_main(const std::vector<std::string>& arguments) {
  CtkEnvironment environment;  // the next line empties that of the process
  for (const std::string& name : toolkit_variables()) {
    if (std::string value = variable(name.c_str()); !value.empty()) environment[name] = value;
  }
  return run_nvidia_toolkit(arguments, environment, harden_process());
}

/// Under the name of NVIDIA's program, which the static executable of that name starts for all but
/// its hooks.
int ctk_main(const std::vector<std::string>& arguments) {
  CtkEnvironment environment;  // the next line empties that of the process
  for (const std::string& name : ctk_variables()) environment[name] = variable(name.c_str());
  const CallerContext caller = harden_process();
  const RootDir system = open_host("/", caller);
  std::ostringstream out;
  CommandContext context{.caller = caller, .system = system, .out = out, .err = std::cerr};
  const int status = run_nvidia_ctk(arguments, environment, context, OCI_NVIDIA_VERSION);
  static_cast<void>(write(out.str()));
  return status;
}

}  // namespace
}  // namespace nvhook

int main(int argc, char** argv) {
  try {
    const std::string name = argc > 0 ? nvhook::HostPath(argv[0]).filename() : std::string();
    if (name == nvhook::kCtkProgram) return nvhook::ctk_main({argv + 1, argv + argc});
    if (name == nvhook::kToolkitProgram) return nvhook::toolkit_main({argv + 1, argv + argc});
    return nvhook::command_main({argv + (argc > 0 ? 1 : 0), argv + argc});
  } catch (const std::exception& error) {
    const nvhook::Error internal(nvhook::Code::internal, error.what(), "report this as a defect");
    std::cerr << nvhook::kCommandProgram << ": " << nvhook::to_line(internal) << '\n';
    return nvhook::exit_status(internal.code());
  }
}
