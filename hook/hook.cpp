// SPDX-License-Identifier: Apache-2.0
// The whole straight line.
#include "hook.hpp"

#include <unistd.h>

#include <cerrno>
#include <iostream>

#include "core/apply.hpp"
#include "core/container_spec.hpp"
#include "core/container_state.hpp"
#include "core/cuda_compat.hpp"
#include "core/error.hpp"
#include "core/plan_json.hpp"
#include "core/planner.hpp"
#include "core/request.hpp"
#include "system/bundle.hpp"
#include "system/config_files.hpp"
#include "system/container_probe.hpp"
#include "system/container_process.hpp"
#include "system/files.hpp"
#include "system/host_facts.hpp"
#include "system/linux_kernel.hpp"
#include "system/syscalls.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxState = 1UL << 20U;
constexpr std::chrono::milliseconds kStateDeadline{10'000};

Config read_config(const Options& options, HookContext& context) {
  if (options.debug) context.log.use_stderr();
  ConfigResult result = load_config(options.config_file, context.caller);
  if (!result.config.debug_log.empty()) context.log.open_file(result.config.debug_log);
  context.log.line("version " OCI_NVIDIA_VERSION);
  context.log.notes(result.notes);
  context.log.phase("configuration");
  return std::move(result.config);
}

ContainerState read_state(HookContext& context) {
  const auto bytes = read_document(STDIN_FILENO, kMaxState, kStateDeadline);
  if (!bytes) {
    throw_errno(Code::state_unreadable, "could not decode container state: read standard input",
                "let the OCI runtime start the hook, or pipe a container state into it");
  }
  ContainerState state = parse_state(*bytes);
  context.container_id = state.id;
  return state;
}

/// `root.path` as an absolute path of the host.
std::string rootfs_path(const ContainerSpec& spec, const BundleFile& bundle) {
  return spec.root.front() == '/' ? spec.root : bundle.directory + "/" + spec.root;
}

ContainerFacts read_image(const RootDir& rootfs, const Request& request, const Config& config) {
  return probe_container(rootfs, {.compat = wants_cuda_compat(request, config)});
}

void print_plan(const Request& request, const std::string& rootfs, const Config& config,
                HookContext& context) {
  const HostFacts host = read_host(request, config, context.system, context.log);
  // A plan changes nothing, so it does not need the container to be alive.
  const auto directory = open_root(rootfs);
  if (!directory) {
    throw_errno(Code::rootfs_invalid, "open root file system `" + rootfs + "`",
                "check root.path in config.json");
  }
  const Plan plan =
      make_plan(request, host.inventory, read_image(*directory, request, config), config);
  std::cout << to_json(plan, config.driver_root) << '\n' << std::flush;
}

void configure_container(const Request& request, const std::string& rootfs,
                         const ContainerState& state, const Config& config, HookContext& context) {
  const ContainerProcess process(state.pid);
  const HostFacts host = read_host(request, config, context.system, context.log);
  const RootDir root = process.open_rootfs(rootfs);
  const Plan plan = make_plan(request, host.inventory, read_image(root, request, config), config);
  context.log.notes(plan.notes);
  context.log.phase("planning");
  LinuxKernel kernel(process, root, context.system, host.driver_root);
  apply(plan, kernel);
  context.log.notes(kernel.notes());
  context.log.phase("applying " + std::to_string(plan.mounts.size()) + " mounts");
}

}  // namespace

void run_hook(const Options& options, HookContext& context) {
  Config config = read_config(options, context);
  config.load_kmods = config.load_kmods && !options.dry_run;  // a plan changes nothing
  const ContainerState state = read_state(context);
  Notes notes;
  const BundleFile bundle =
      read_bundle(state.bundle, context.caller.working_directory.get(), notes);
  const ContainerSpec spec = parse_spec(bundle.text);
  RequestResult result = derive_request(spec, config);
  notes.insert(notes.end(), result.notes.begin(), result.notes.end());
  context.log.notes(notes);
  context.log.phase("reading container " + state.id);
  if (!result.request) {
    context.log.line("no GPU request: nothing to do");
    return;
  }
  const std::string rootfs = rootfs_path(spec, bundle);
  if (options.dry_run) {
    print_plan(*result.request, rootfs, config, context);
  } else {
    configure_container(*result.request, rootfs, state, config, context);
  }
}

}  // namespace nvhook
