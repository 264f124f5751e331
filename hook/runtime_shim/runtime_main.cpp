// SPDX-License-Identifier: Apache-2.0
// The program as an OCI runtime: config.json is edited, then the real runtime takes over.
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
#include "oci/runtime_command.hpp"
#include "oci_hook/hook.hpp"
#include "os/default_child_signal.hpp"
#include "os/process_setup.hpp"
#include "os/syscalls.hpp"
#include "plan/container_task.hpp"
#include "print.hpp"
#include "report.hpp"
#include "runtime_shim/spec_filter.hpp"

namespace nvhook {
namespace {

constexpr int kExitFailure = 1;

/// In the form that engines read; the low-level runtime's own follows, because that is executed.
void print_version() {
  static_cast<void>(print("NVIDIA Container Runtime version " OCI_NVIDIA_VERSION
                          " (oci-nvidia-hook)\n"
                          "spec: 1.2.0\n\n"));
}

/// A container whose config.json is not for us to touch costs no more than this.
bool is_ours_to_edit(const std::string& spec_text, const Config& config) {
  const ContainerTask task = derive_task(spec_text, parse_spec(spec_text), config);
  return reason_to_do_nothing(task, Role::spec_editor).empty();
}

/// `error` where people and the engine look for it.
int report_to_engine(const Error& error, const RuntimeCommand& command, HookContext& context) {
  ignore_write_signals();  // no runtime is executed any more, which would inherit that
  if (!command.log.empty()) {
    append_to_engine_log(command.log, context.caller.working_directory.get(), failure_line(error),
                         command.log_is_json);
  }
  return report(error, context);
}

/// Returns what `work(context)` does, or tells what it throws and returns that exit status.
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

/// In a child, which may give up what the runtime needs: environment, rights, working directory. It
/// dies with `parent`: an engine that has killed the runtime may use the bundle again.
[[noreturn]] void edit_in_child(const RuntimeCommand& command, const BundleFile& bundle,
                                const Config& config, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != parent) ::_exit(kExitFailure);
  const CallerContext caller = detach_from_caller();
  const int status = with_report(command, caller, [&](HookContext& context) {
    if (!config.runtime_debug_log.empty()) context.log.open_file(config.runtime_debug_log);
    const auto edited = edit_container_spec(bundle.text, bundle.directory,
                                            {.caller = caller,
                                             .system = context.system,
                                             .config = config,
                                             .config_file = caller.config_file,
                                             .log = context.log});
    if (edited) replace_spec(bundle.directory, *edited);
    return 0;
  });
  ::_exit(status);
}

/// 0, or the exit status of a child that has told why it failed.
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

/// 0, also where there is nothing to edit, or an exit status after the failure was told.
int edit_bundle(const RuntimeCommand& command, const CallerContext& caller, const Config& config) {
  const auto bundle = open_bundle(command.bundle, caller.working_directory.get());
  if (bundle) return is_ours_to_edit(bundle->text, config) ? edit(command, *bundle, config) : 0;
  // Of one that is not there the runtime itself says so; another it may be able to read.
  if (errno == ENOENT || errno == ENOTDIR) return 0;
  throw_errno(Code::spec_unreadable, "read `" + command.bundle + "/config.json`",
              "let it be a regular file of at most 64 MiB, and no link, that the runtime may read");
}

/// A broken configuration must keep no container from being stopped or deleted.
Config read_config(const RuntimeCommand& command, const CallerContext& caller) {
  try {
    return load_config({}, caller).config;
  } catch (const Error&) {
    if (command.makes_container) throw;
    return {};
  }
}

}  // namespace

int runtime_main(const std::string& /*name*/, const std::vector<std::string>& arguments) {
  const RuntimeCommand command = parse_runtime_command(arguments);
  if (command.wants_version) print_version();
  const CallerContext caller = read_caller();
  // What comes back has failed; the status is the one that engines know.
  static_cast<void>(with_report(command, caller, [&](HookContext& /*context*/) {
    const Config config = read_config(command, caller);
    const std::string runtime =
        find_low_level_runtime(config.low_level_runtimes, caller.search_path);
    if (command.makes_container) {
      if (const int failed = edit_bundle(command, caller, config); failed != 0) return failed;
    }
    std::vector<std::string> words{runtime};
    words.insert(words.end(), arguments.begin(), arguments.end());
    execute_runtime(runtime, std::move(words));
  }));
  return kExitFailure;
}

}  // namespace nvhook
