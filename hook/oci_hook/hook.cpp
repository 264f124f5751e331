// SPDX-License-Identifier: Apache-2.0
// Most containers ask for nothing, so what only the others need comes last.
#include "oci_hook/hook.hpp"

#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "config/config_files.hpp"
#include "image/spec_layer.hpp"
#include "inject/container_process.hpp"
#include "inject/container_stage.hpp"
#include "inject/injection.hpp"
#include "lease/leasing.hpp"
#include "oci/bundle.hpp"
#include "oci/container_spec.hpp"
#include "oci/container_state.hpp"
#include "os/files.hpp"
#include "os/syscalls.hpp"
#include "plan/container_task.hpp"
#include "plan/plan_json.hpp"
#include "plan/run.hpp"
#include "print.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxState = 1UL << 20U;
constexpr std::chrono::milliseconds kStateDeadline{10'000};

ContainerState read_state(const Options& options, HookContext& context) {
  const auto bytes = read_document(STDIN_FILENO, kMaxState, kStateDeadline);
  if (!bytes) {
    throw_errno(Code::state_unreadable, "could not decode container state: read standard input",
                "let the OCI runtime start the hook, or pipe a container state into it");
  }
  ContainerState state = parse_state(*bytes);
  context.container_id = state.id;
  // A dry run needs no live container: people pipe in states of stopped ones, with pid 0.
  if (!options.dry_run) context.location = find_location(state.pid, context.system);
  return state;
}

Role role_of(const Options& options) {
  return options.complete || options.cdi ? Role::completing_hook : Role::hook;
}

ContainerTask derive(const Options& options, const std::string& text, const Config& config) {
  ContainerSpec spec = parse_spec(text);
  if (!options.cdi) return derive_task(text, std::move(spec), config);
  const auto capabilities = parse_capabilities(*options.cdi);
  if (!capabilities) {
    throw Error(Code::unknown_capability, "`-cdi=" + *options.cdi + "` names no capabilities",
                "generate the CDI specification anew (`oci-nvidia cdi generate`)");
  }
  return derive_cdi_task(text, std::move(spec), *capabilities, config);
}

/// Uses only the root file system's directory, so the container need not be alive.
void print_plan(Role role, ContainerTask& task, const std::string& rootfs, const RunContext& run) {
  run.log.notes(show_lease(*task.request.request, run));
  const auto directory = open_root(rootfs, FileOwner::image);
  if (!directory) {
    throw_errno(Code::rootfs_invalid, "open root file system `" + rootfs + "`",
                "check root.path in config.json");
  }
  const SpecLayer layer(task.spec, &*directory);
  const Plan plan = share_of(role, task, plan_container(task, layer.view(), run).plan, run);
  if (!print(to_json(plan, run.config.driver_root) + "\n")) {
    throw_errno(Code::internal, "write the plan to standard output",
                "look at what standard output leads to");
  }
}

void configure_container(Role role, ContainerTask& task, const ContainerState& state,
                         const std::string& rootfs, const RunContext& run) {
  const ContainerProcess process(state.pid);
  const RootDir root = process.open_rootfs(rootfs);
  const bool is_covered = !is_prepared_root(root, rootfs);
  const OwnLayer layer(
      {.rootfs = root, .spec = &task.spec, .is_root_covered = [=] { return is_covered; }});
  inject_driver(role, task, {process, root, layer, state.id}, run);
}

/// Inside the container the device cgroup may be out of reach (cgroup namespace) and pids mean
/// nothing, so nothing is done here: either an earlier stage did the work, or this throws an Error
/// that says to use one.
void leave_to_earlier_stage(const std::string& rootfs, pid_t pid, HookContext& context) {
  const auto directory = open_root(rootfs, FileOwner::image);
  if (has_driver_by_hook(directory ? *directory : context.system)) {
    context.log.line("nothing to do: an earlier stage gave this container its driver");
    return;
  }
  const std::string remedy =
      "register the hook at createRuntime (or prestart), which runtimes run on the host";
  if (context.location == HookLocation::same_mount_namespace) {
    throw Error(Code::container_shares_namespace,
                "process " + std::to_string(pid) +
                    " has the mount namespace of the hook: every mount would be on the host",
                "give the container a mount namespace in config.json (linux.namespaces); if it has "
                "one, " +
                    remedy);
  }
  throw Error(Code::wrong_stage,
              "the hook runs inside the container (createContainer or startContainer; `pid` is `" +
                  std::to_string(pid) + "`), where its device cgroup cannot be reached safely",
              remedy);
}

/// Returns config.json; nullopt if the hook runs inside the container and cannot see it.
std::optional<BundleFile> find_bundle(const ContainerState& state, HookContext& context,
                                      Notes& notes) {
  try {
    return read_bundle(state.bundle, context.caller.working_directory.get(), notes);
  } catch (const Error& error) {
    if (context.location != HookLocation::inside) throw;
    context.log.line(error.what());
    return std::nullopt;
  }
}

}  // namespace

/// Inside a container the image may control the environment (runc 1.1 passes it to hooks that have
/// none of their own) and every file, whoever named it. So no file is read and no log is written.
Config read_config(const Options& options, HookContext& context) {
  const bool inside = context.location != HookLocation::outside;
  ConfigResult result;
  if (!inside) {
    result = load_config(options.config_file, context.caller);
  } else if (!options.config_file.empty()) {
    result.notes.push_back(
        warning("configuration " + options.config_file +
                " not read: the hook runs inside the container, where the image decides what it "
                "says"));
  }
  if (!inside && !result.config.debug_log.empty()) context.log.open_file(result.config.debug_log);
  if (!inside && !options.dry_run) context.audit.enable(result.config, context.system);
  context.log.line("version " OCI_NVIDIA_VERSION);
  context.log.notes(result.notes);
  context.log.phase("configuration");
  if (options.mode) result.config.mode = *options.mode;
  return std::move(result.config);
}

void run_hook(const Options& options, HookContext& context) {
  if (options.debug) context.log.use_stderr();
  const ContainerState state = read_state(options, context);
  Config config = read_config(options, context);
  config.load_kmods = config.load_kmods && !options.dry_run;  // a dry run changes nothing
  Notes notes;
  if (state.ignored != 0) {
    notes.push_back(warning(std::to_string(state.ignored) +
                            " bytes behind the container state on standard input are not used"));
  }
  const auto bundle = find_bundle(state, context, notes);
  if (!bundle) return leave_to_earlier_stage("/", state.pid, context);
  if (options.cdi) context.audit.set_caller("cdi");
  ContainerTask task = derive(options, bundle->text, config);
  notes.insert(notes.end(), task.request.notes.begin(), task.request.notes.end());
  context.log.notes(notes);
  context.log.phase("reading container " + state.id);
  const Role role = role_of(options);
  if (const auto reason = reason_to_do_nothing(task, role); !reason.empty()) {
    context.log.line(reason);
    return;
  }
  context.audit.describe(task);
  const std::string rootfs = rootfs_path(task.spec, bundle->directory);
  const auto cache = options.dry_run ? CachePolicy::bypass : CachePolicy::use;
  const RunContext run{config, context.system, context.log, cache};
  if (options.dry_run) {
    print_plan(role, task, rootfs, run);
  } else if (context.location != HookLocation::outside) {
    leave_to_earlier_stage(rootfs, state.pid, context);
  } else {
    configure_container(role, task, state, rootfs, run);
  }
}

}  // namespace nvhook
