// SPDX-License-Identifier: Apache-2.0
// The whole straight line.
#include "hook.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iostream>
#include <optional>

#include "core/apply.hpp"
#include "core/container_spec.hpp"
#include "core/container_state.hpp"
#include "core/cuda_compat.hpp"
#include "core/device_needs.hpp"
#include "core/error.hpp"
#include "core/gpu_selection.hpp"
#include "core/plan_json.hpp"
#include "core/planner.hpp"
#include "core/request.hpp"
#include "core/requirement.hpp"
#include "system/bundle.hpp"
#include "system/config_files.hpp"
#include "system/container_probe.hpp"
#include "system/container_process.hpp"
#include "system/device_nodes.hpp"
#include "system/files.hpp"
#include "system/gpu_query.hpp"
#include "system/host_probe.hpp"
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

RootDir open_driver_root(const Config& config) {
  auto root = open_root(config.driver_root);
  if (!root) {
    throw_errno(Code::driver_root_invalid, "open driver root `" + config.driver_root + "`",
                "correct `root` under [nvidia-container-cli], or start what provides that "
                "directory (the driver container)");
  }
  return *std::move(root);
}

DriverDetails ask_driver(const Inventory& inventory, const Config& config, Log& log) {
  const Component* library = find_component(ComponentKind::library, "libnvidia-ml.so");
  GpuQuery query{.driver_root = config.driver_root, .driver = inventory.driver};
  for (const DriverFile& file : inventory.files) {
    if (file.component == library && file.abi == Abi::native) query.nvml_library = file.path.str();
  }
  for (const Gpu& gpu : inventory.gpus) query.pci_addresses.push_back(gpu.pci);
  for (const MigDevice& device : inventory.mig_devices) {
    query.mig_devices.push_back("gpu" + std::to_string(device.gpu_minor) + "/gi" +
                                std::to_string(device.gpu_instance) + "/ci" +
                                std::to_string(device.compute_instance));
  }
  DriverDetails details = query_gpus(query);
  log.notes(details.notes);
  log.phase("asking the driver");
  return details;
}

const GpuDetails* find_details(const DriverDetails& details, const Gpu& gpu) {
  const auto found = std::find_if(details.gpus.begin(), details.gpus.end(),
                                  [&](const GpuDetails& row) { return row.pci == gpu.pci; });
  return found == details.gpus.end() ? nullptr : &*found;
}

/// On WSL2 only NVML tells anything: the version, and the GPUs in its order.
void take_over(const DriverDetails& details, Inventory& inventory) {
  inventory.driver = details.driver;
  for (const GpuDetails& row : details.gpus) {
    const auto index = static_cast<unsigned>(inventory.gpus.size());
    inventory.gpus.push_back({.index = index, .uuid = row.uuid, .pci = row.pci});
  }
}

/// Fills what /proc did not tell and the request needs; the driver is asked at most once, and only
/// then.
std::optional<DriverDetails> complete_inventory(const Request& request, const Config& config,
                                                Inventory& inventory, Log& log) {
  const bool no_gpu = std::holds_alternative<NoDevices>(request.devices) || inventory.gpus.empty();
  const NeededFacts open = undecided_facts(
      request.requirements, {.driver = inventory.driver, .cuda = inventory.cuda, .no_gpu = no_gpu});
  const bool ask = needs_unknown_uuid(request.devices, inventory.gpus) ||
                   needs_mig_names(request.devices, inventory.mig_devices) || open.cuda ||
                   open.arch || open.brand ||
                   (inventory.is_wsl && (std::holds_alternative<DeviceNames>(request.devices) ||
                                         !request.requirements.empty()));
  if (!ask) return std::nullopt;
  DriverDetails details = ask_driver(inventory, config, log);
  if (inventory.is_wsl) take_over(details, inventory);
  if (!inventory.cuda) inventory.cuda = details.cuda;
  for (Gpu& gpu : inventory.gpus) {
    const GpuDetails* row = find_details(details, gpu);
    if (gpu.uuid.empty() && row != nullptr) gpu.uuid = row->uuid;
  }
  inventory.mig_devices = name_mig_devices(inventory, details);
  return details;
}

/// Every requirement must hold for every visible GPU; without one, once (behaviour.md §3.2).
void check_all_requirements(const Request& request, const Inventory& inventory,
                            const std::optional<DriverDetails>& details) {
  if (request.requirements.empty()) return;
  RequirementFacts facts{.driver = inventory.driver, .cuda = inventory.cuda};
  const std::vector<Gpu> gpus = select_devices(request.devices, inventory).gpus;
  if (gpus.empty()) {
    facts.no_gpu = true;
    check_requirements(request.requirements, facts);
  }
  for (const Gpu& gpu : gpus) {
    const GpuDetails* row = details ? find_details(*details, gpu) : nullptr;
    facts.gpu = "GPU " + std::to_string(gpu.index) + " (" + gpu.uuid + ")";
    facts.arch = row == nullptr ? std::nullopt : std::optional(row->compute_capability);
    facts.brand = row == nullptr ? std::nullopt : std::optional(row->brand);
    check_requirements(request.requirements, facts);
  }
}

struct HostFacts {
  RootDir driver_root;
  Inventory inventory = {};
};

/// The host as it is; if it lacks the driver or a node that the request needs, and that may be
/// changed, as it is after that.
Inventory probe_or_provide(const HostView& view, const Request& request, const Config& config,
                           Log& log) {
  try {
    Inventory inventory = probe_host(view, request);
    if (!config.load_kmods || !lacks_devices(request, inventory)) return inventory;
  } catch (const Error& error) {
    if (!config.load_kmods || error.code() != Code::driver_not_loaded) throw;
  }
  log.notes(provide_devices(view, request, {.create_imex_channels = config.create_imex_channels}));
  log.phase("loading modules and making device nodes");
  return probe_host(view, request);
}

HostFacts read_host(const Request& request, const Config& config, HookContext& context) {
  HostFacts host{.driver_root = open_driver_root(config)};
  host.inventory = probe_or_provide({.system = context.system,
                                     .driver = host.driver_root,
                                     .loader_cache = config.loader_cache,
                                     .mps_pipe_directory = config.mps_pipe_directory},
                                    request, config, context.log);
  context.log.phase("reading the host");
  const auto details = complete_inventory(request, config, host.inventory, context.log);
  check_all_requirements(request, host.inventory, details);
  return host;
}

ContainerFacts read_image(const RootDir& rootfs, const Request& request, const Config& config) {
  return probe_container(rootfs, {.compat = wants_cuda_compat(request, config)});
}

void print_plan(const Request& request, const std::string& rootfs, const Config& config,
                HookContext& context) {
  const HostFacts host = read_host(request, config, context);
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
  const HostFacts host = read_host(request, config, context);
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
