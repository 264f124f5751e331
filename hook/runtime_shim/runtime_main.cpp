// SPDX-License-Identifier: Apache-2.0
// The runtime shim role: edits config.json if the command creates a container, keeps its devices if
// the command updates its resources, then executes the low-level runtime.
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <exception>
#include <optional>

#include "config/config_files.hpp"
#include "mains.hpp"
#include "oci/bundle.hpp"
#include "oci/container_spec.hpp"
#include "oci/engine_log.hpp"
#include "oci/low_level_runtime.hpp"
#include "oci/made_container.hpp"
#include "oci/runtime_command.hpp"
#include "oci_hook/hook.hpp"
#include "os/default_child_signal.hpp"
#include "os/process_setup.hpp"
#include "os/syscalls.hpp"
#include "plan/container_task.hpp"
#include "print.hpp"
#include "report.hpp"
#include "runtime_shim/resource_update.hpp"
#include "runtime_shim/spec_filter.hpp"

namespace nvhook {
namespace {

constexpr int kExitFailure = 1;

/// In the format that engines parse. The low-level runtime, executed next, prints its own version
/// after it.
void print_version() {
  static_cast<void>(print("NVIDIA Container Runtime version " OCI_NVIDIA_VERSION
                          " (oci-nvidia-hook)\n"
                          "spec: 1.2.0\n\n"));
}

/// Other containers cost no more than this check: no fork, and the host is not read.
bool is_ours_to_edit(const std::string& spec_text, const Config& config) {
  const ContainerTask task = derive_task(spec_text, parse_spec(spec_text), config);
  return reason_to_do_nothing(task, Role::spec_editor).empty();
}

/// Reports `error` where people look for it, and in the engine's log.
int report_to_engine(const Error& error, const RuntimeCommand& command, HookContext& context) {
  ignore_write_signals();  // no runtime is executed now that would inherit this
  if (!command.log.empty()) {
    append_to_engine_log(command.log, context.caller.working_directory.get(), failure_line(error),
                         command.log_is_json);
  }
  return report(error, context);
}

/// Returns the result of `work(context)`; reports what it throws, and returns that exit status.
template <typename Work>
int with_report(const RuntimeCommand& command, const CallerContext& caller, const Work& work) {
  const auto system = open_root("/");
  if (!system) throw_errno(Code::internal, "open `/`", "free file descriptors and memory");
  HookContext context{.caller = caller, .system = *system};
  try {
    return work(context);
  } catch (const Error& error) {
    return report_to_engine(error, command, context);
  } catch (const std::exception& error) {
    return report_to_engine(Error(Code::internal, error.what(), "report this as a defect"), command,
                            context);
  }
}

/// Runs in a child, which can give up what the runtime needs: environment, rights, working
/// directory. The child dies with `parent`, because an engine that kills the runtime may use the
/// bundle again at once.
[[noreturn]] void edit_in_child(const RuntimeCommand& command, const BundleFile& bundle,
                                const Config& config, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != parent) ::_exit(kExitFailure);
  const CallerContext caller = detach_from_caller();
  const int status = with_report(command, caller, [&](HookContext& context) {
    if (!config.runtime_debug_log.empty()) context.log.open_file(config.runtime_debug_log);
    context.audit.set_caller("runtime");
    context.audit.enable(config, context.system);
    const auto edited = edit_container_spec(bundle.text, bundle.directory,
                                            {.caller = caller,
                                             .system = context.system,
                                             .config = config,
                                             .config_file = caller.config_file,
                                             .log = context.log,
                                             .audit = context.audit});
    if (edited) replace_spec(bundle.directory, *edited);
    context.audit.finish(context.system, context.container_id);
    return 0;
  });
  ::_exit(status);
}

/// Returns 0, or the exit status of a child that has reported why it failed.
int edit(const RuntimeCommand& command, const BundleFile& bundle, const Config& config) {
  const DefaultChildSignal child_signal;
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw_errno(Code::internal, "fork", "free memory and process numbers");
  if (child == 0) edit_in_child(command, bundle, config, parent);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) {
      throw_errno(Code::internal, "wait for the edit of config.json", "start the container again");
    }
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  throw Error(Code::internal, "the edit of config.json was ended by a signal",
              "start the container again");
}

/// Returns 0, also if there is nothing to edit; otherwise the exit status of a failure that was
/// reported.
int edit_bundle(const RuntimeCommand& command, const CallerContext& caller, const Config& config) {
  const auto bundle = open_bundle(command.bundle, caller.working_directory.get());
  if (bundle) return is_ours_to_edit(bundle->text, config) ? edit(command, *bundle, config) : 0;
  // The runtime reports a missing config.json itself. Any other one it may be able to read, so its
  // container would start without the driver.
  if (errno == ENOENT || errno == ENOTDIR) return 0;
  throw_errno(Code::spec_unreadable, "read `" + command.bundle + "/config.json`",
              "let it be a regular file of at most 64 MiB, and no link, that the runtime may read");
}

/// A broken configuration must not prevent a container from being stopped or deleted.
Config read_config(const std::string& name, const RuntimeCommand& command,
                   const CallerContext& caller) {
  try {
    Config config = load_config({}, caller).config;
    config.mode = mode_of_shim(name).value_or(config.mode);
    return config;
  } catch (const Error&) {
    if (command.makes_container) throw;
    return {};
  }
}

}  // namespace

int runtime_main(const std::string& name, const std::vector<std::string>& arguments) {
  const RuntimeCommand command = parse_runtime_command(arguments);
  if (command.wants_version) print_version();
  const CallerContext caller = read_caller();
  // execute_runtime does not return, so this is a failure; engines expect status 1.
  static_cast<void>(with_report(command, caller, [&](HookContext& context) {
    context.is_for_container = !command.wants_version;
    const Config config = read_config(name, command, caller);
    const auto made = find_made_container(command, config.low_level_runtimes,
                                          caller.runtime_directory, context.system);
    const std::string runtime = find_low_level_runtime(
        made ? candidates_for(made->runtime, config.low_level_runtimes) : config.low_level_runtimes,
        caller.search_path);
    if (command.makes_container) {
      if (const int failed = edit_bundle(command, caller, config); failed != 0) return failed;
    }
    std::vector<std::string> words = arguments;
    if (made && !command.resources.empty()) {
      words = keep_devices_over_update(command, *made, caller, context.system, std::move(words));
    }
    words.insert(words.begin(), runtime);
    execute_runtime(runtime, std::move(words));
  }));
  return kExitFailure;
}

}  // namespace nvhook
