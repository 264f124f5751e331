// SPDX-License-Identifier: Apache-2.0
// The whole straight line.
#include "oci_hook/hook.hpp"

#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "config/config_files.hpp"
#include "inject/apply_plan.hpp"
#include "inject/container_process.hpp"
#include "inject/container_stage.hpp"
#include "inject/spec_layer.hpp"
#include "oci/bundle.hpp"
#include "oci/container_spec.hpp"
#include "oci/container_state.hpp"
#include "os/files.hpp"
#include "os/syscalls.hpp"
#include "plan/container_task.hpp"
#include "plan/plan_json.hpp"
#include "plan/planning.hpp"
#include "plan/spec_edit.hpp"
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
  // A plan needs no live container: people pipe the states of stopped ones, with pid 0, into it.
  if (!options.dry_run) context.place = find_location(state.pid, context.system);
  return state;
}

/// What is decided about a container with a request, before the host is looked at.
struct Task {
  Request request = {};
  std::string mount_label = {};
  std::string rootfs = {};
  ContainerSpec spec = {};
  ContainerState state = {};
  /// config.json if it was edited, and the rest is to be done.
  std::optional<std::string> edited = {};
  /// What is to be done is within the permissions that the engine gave.
  bool by_cdi = false;
};

/// A hook that was told to complete what others began; any other one leaves that alone.
bool completes(const Options& options) { return options.complete || options.cdi; }

ContainerTask derive(const Options& options, const ContainerSpec& spec, const std::string& text,
                     const Config& config) {
  if (!options.cdi) return derive_task(text, spec, config);
  const auto capabilities = parse_capabilities(*options.cdi);
  if (!capabilities) {
    throw Error(Code::unknown_capability, "`-cdi=" + *options.cdi + "` names no capabilities",
                "generate the CDI specification anew (`oci-nvidia cdi generate`)");
  }
  return derive_cdi_task(text, spec, *capabilities, config);
}

Plan plan_to_apply(const Task& task, Plan plan, const Config& config, Log& log) {
  if (!task.edited) return plan;
  if (task.by_cdi) {
    const auto told = static_cast<std::ptrdiff_t>(plan.notes.size());
    plan = plan_within_rules(std::move(plan), *task.edited);
    log.notes({plan.notes.begin() + told, plan.notes.end()});
  }
  return remaining_plan(std::move(plan), *task.edited, config.driver_root);
}

void print_plan(const Task& task, const Config& config, HookContext& context) {
  // A plan changes nothing, so it does not need the container to be alive.
  const auto directory = open_root(task.rootfs, FileOwner::image);
  if (!directory) {
    throw_errno(Code::rootfs_invalid, "open root file system `" + task.rootfs + "`",
                "check root.path in config.json");
  }
  const SpecLayer layer(task.spec, &*directory);
  Planned planned =
      plan_container({task.request, task.mount_label, &*directory, CachePolicy::bypass,
                      [&](const ContainerPath& path) { return layer.obstacle_at(path); }},
                     config, context.system, context.log);
  const Plan plan = plan_to_apply(task, std::move(planned.plan), config, context.log);
  if (!print(to_json(plan, config.driver_root) + "\n")) {
    throw_errno(Code::internal, "write the plan to standard output",
                "look at what standard output leads to");
  }
}

void configure_container(const Task& task, const Config& config, HookContext& context) {
  const ContainerProcess process(task.state.pid);
  const RootDir root = process.open_rootfs(task.rootfs);
  const OwnLayer layer({.rootfs = root,
                        .spec = &task.spec,
                        .is_root_covered = !is_prepared_root(root, task.rootfs)});
  const auto obstacle_at = [&](const ContainerPath& path) { return layer.obstacle_at(path); };
  Planned planned =
      plan_container({task.request, task.mount_label, &root, CachePolicy::use, obstacle_at}, config,
                     context.system, context.log);
  const Plan plan = plan_to_apply(task, std::move(planned.plan), config, context.log);
  apply_plan(plan, process, root, layer, context.system, planned.host.driver_root, context.log);
}

/// In the container the device cgroup may be out of sight (a cgroup namespace) and no process can
/// be named, so nothing is done there: it was done at an earlier stage, or that is what is missing.
void leave_to_earlier_stage(const std::string& rootfs, pid_t pid, HookContext& context) {
  const auto directory = open_root(rootfs, FileOwner::image);
  if (has_driver_by_hook(directory ? *directory : context.system)) {
    context.log.line("nothing to do: an earlier stage gave this container its driver");
    return;
  }
  const std::string remedy =
      "register the hook at createRuntime (or prestart), which runtimes run on the host";
  if (context.place == HookLocation::same_mount_namespace) {
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

/// config.json; nothing where the hook runs inside the container and cannot see it.
std::optional<BundleFile> find_bundle(const ContainerState& state, HookContext& context,
                                      Notes& notes) {
  try {
    return read_bundle(state.bundle, context.caller.working_directory.get(), notes);
  } catch (const Error& error) {
    if (context.place != HookLocation::inside) throw;
    context.log.line(error.what());
    return std::nullopt;
  }
}

}  // namespace

/// Inside a container the environment may be the image's (runc 1.1 gives it to hooks without one of
/// their own), and so may be every file, whoever named it: none is read, and no log is written.
Config read_config(const Options& options, HookContext& context) {
  const bool inside = context.place != HookLocation::outside;
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
  context.log.line("version " OCI_NVIDIA_VERSION);
  context.log.notes(result.notes);
  context.log.phase("configuration");
  return std::move(result.config);
}

void run_hook(const Options& options, HookContext& context) {
  if (options.debug) context.log.use_stderr();
  const ContainerState state = read_state(options, context);
  Config config = read_config(options, context);
  config.load_kmods = config.load_kmods && !options.dry_run;  // a plan changes nothing
  Notes notes;
  if (state.ignored != 0) {
    notes.push_back(warning(std::to_string(state.ignored) +
                            " bytes behind the container state on standard input are not used"));
  }
  const auto bundle = find_bundle(state, context, notes);
  if (!bundle) return leave_to_earlier_stage("/", state.pid, context);
  const ContainerSpec spec = parse_spec(bundle->text);
  ContainerTask container = derive(options, spec, bundle->text, config);
  notes.insert(notes.end(), container.request.notes.begin(), container.request.notes.end());
  context.log.notes(notes);
  context.log.phase("reading container " + state.id);
  if (container.injector == Injector::nobody) {
    context.log.line("no GPU request: nothing to do");
    return;
  }
  const Task task{.request = *std::move(container.request.request),
                  .mount_label = std::move(container.linux_spec.mount_label),
                  .rootfs = rootfs_path(spec, bundle->directory),
                  .spec = spec,
                  .state = state,
                  .edited = completes(options) ? std::optional(bundle->text) : std::nullopt,
                  .by_cdi = options.cdi.has_value()};
  if (!completes(options) && container.injector == Injector::completing_hook) {
    context.log.line("nothing to do: config.json was edited, and another hook completes it");
  } else if (!completes(options) && container.injector == Injector::engine) {
    context.log.line("nothing to do: config.json has the driver already (CDI)");
  } else if (options.dry_run) {
    print_plan(task, config, context);
  } else if (context.place != HookLocation::outside) {
    leave_to_earlier_stage(task.rootfs, state.pid, context);
  } else {
    configure_container(task, config, context);
  }
}

}  // namespace nvhook
