// SPDX-License-Identifier: Apache-2.0
// The hook role: parses the command line, runs the command, prints the error line, returns the exit
// status.
#include <unistd.h>

#include <cerrno>
#include <exception>

#include "mains.hpp"
#include "oci_hook/hook.hpp"
#include "oci_hook/options.hpp"
#include "os/process_setup.hpp"
#include "os/root_dir.hpp"
#include "os/syscalls.hpp"
#include "print.hpp"
#include "report.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr int kExitUsage = 2;

void print_version(const std::string& name) {
  // Scripts match the words that NVIDIA's hook prints under that name.
  const bool own_name = name == kProgram;
  static_cast<void>(print(std::string(own_name ? kProgram : "NVIDIA Container Runtime Hook") +
                          " version " OCI_NVIDIA_VERSION "\n"));
}

bool is_for_container(const Options& options) {
  const bool is_hook = options.command == Command::run || options.command == Command::precreate;
  return is_hook && !options.dry_run;
}

int run(const Options& options, const CallerContext& caller) {
  const auto system = open_root("/");
  if (!system) {
    const Error error(Code::internal, "open `/`: " + errno_text(errno),
                      "free file descriptors and memory on the host");
    complain(failure_line(error) + "\n");
    return exit_status(error.code());
  }
  HookContext context{
      .caller = caller, .system = *system, .is_for_container = is_for_container(options)};
  try {
    if (options.command == Command::create_device_nodes) {
      return run_create_device_nodes(options, context);
    }
    if (options.command == Command::remove_drop_ins) {
      run_remove_drop_ins(context);
    } else if (options.command == Command::precreate) {
      run_precreate(options, context);
    } else {
      run_hook(options, context);
    }
    context.audit.finish(context.system, context.container_id);
    return 0;
  } catch (const Error& error) {
    return report(error, context);
  } catch (const std::exception& error) {
    return report(
        Error(Code::internal, error.what(), "report this as a defect, with the debug log"),
        context);
  }
}

}  // namespace

int hook_main(const std::string& name, const std::vector<std::string>& arguments) {
  const CallerContext caller = harden_process();
  try {
    const Options options = parse_options(arguments);
    switch (options.command) {
      case Command::run:
      case Command::precreate:
      case Command::create_device_nodes:
      case Command::remove_drop_ins:
        return run(options, caller);
      case Command::nothing:
        return 0;
      case Command::version:
        print_version(name);
        return 0;
      case Command::help:
        complain(usage(name));
        return 0;
    }
  } catch (const UsageError& error) {
    complain(name + ": " + error.what() + "\n" + usage(name));
  }
  return kExitUsage;
}

}  // namespace nvhook
