// SPDX-License-Identifier: Apache-2.0
// nvidia-container-cli: chooses the command, merges options and configuration, prints the error
// line.
#include <cerrno>
#include <exception>
#include <variant>

#include "config/config_files.hpp"
#include "inject/failure_report.hpp"
#include "mains.hpp"
#include "nvidia_cli/cli_error.hpp"
#include "nvidia_container_cli/cli.hpp"
#include "os/syscalls.hpp"
#include "print.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr int kFailure = 1;  // NVIDIA's program has no other

int report(const Error& error, const CliOptions& options, CliContext& context) {
  const std::string line = to_cli_line(error);
  complain(std::string(kCliProgram) + ": " + line + "\n");
  context.log.line("failed: " + line);
  context.audit.finish(context.system, "", &error);
  // Without --pid a person or script started the program and sees the line itself.
  if (!options.pid.empty()) {
    report_failure({.code = error.code(), .line = line}, context.system,
                   context.caller.runtime_directory);
  }
  return kFailure;
}

int run(const CliOptions& options, CliContext& context) {
  try {
    const Config config = read_cli_config(options, context);
    switch (options.command) {
      case CliCommand::info:
        print_info(options, config, context);
        break;
      case CliCommand::list:
        print_list(options, config, context);
        break;
      case CliCommand::configure:
        configure(options, config, context);
        break;
    }
    context.audit.finish(context.system, "");
    return 0;
  } catch (const Error& error) {
    return report(error, options, context);
  } catch (const std::exception& error) {
    return report(
        Error(Code::internal, error.what(), "report this as a defect, with the debug log"), options,
        context);
  }
}

}  // namespace

std::string absolute_path(const std::string& path, const CliContext& context) {
  if (path.starts_with('/')) return path;
  return context.system.path_of(context.caller.working_directory.get()) + "/" + path;
}

Config read_cli_config(const CliOptions& options, CliContext& context) {
  ConfigResult read = load_config({}, context.caller);
  Config config = std::move(read.config);
  if (!options.driver_root.empty()) config.driver_root = options.driver_root;
  if (!options.loader_cache.empty()) config.loader_cache = options.loader_cache;
  if (!context.caller.debug_file.empty()) config.debug_log = context.caller.debug_file;
  if (!options.debug_file.empty()) config.debug_log = options.debug_file;
  config.load_kmods = options.load_kmods;
  config.no_cgroups = options.no_cgroups;
  config.create_imex_channels = config.create_imex_channels && options.create_imex_channels;
  config.cuda_compat = cuda_compat_of(options.cuda_compat_modes, options.no_cntlibs);
  if (!config.debug_log.empty()) context.log.open_file(absolute_path(config.debug_log, context));
  context.log.line("version " OCI_NVIDIA_VERSION ", as nvidia-container-cli");
  context.log.notes(read.notes);
  for (const std::string& option : options.without_effect) {
    context.log.line("without effect: " + option);
  }
  context.log.phase("configuration");
  return config;
}

int cli_main(const std::string& name, const std::vector<std::string>& arguments) {
  const CallerContext caller = harden_process();
  const auto parsed = parse_cli_options(name, arguments);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  const auto system = open_root("/");
  if (!system) {
    complain(std::string(kCliProgram) + ": internal error: open `/`: " + errno_text(errno) + "\n");
    return kFailure;
  }
  CliContext context{.caller = caller, .system = *system};
  return run(std::get<CliOptions>(parsed), context);
}

}  // namespace nvhook
