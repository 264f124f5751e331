// SPDX-License-Identifier: Apache-2.0
// Joins what /proc has, what the driver answers, and what the requirements need to know.
#include "host/host_facts.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "host/facts/host_view.hpp"
#include "host/facts/proc_text.hpp"
#include "host/gpu/gpu_query.hpp"
#include "host/gpu/gpu_question.hpp"
#include "host/gpu/gpu_selection.hpp"
#include "host/host_probe.hpp"
#include "host/nodes/device_needs.hpp"
#include "host/nodes/device_nodes.hpp"
#include "os/run_directory.hpp"
#include "os/syscalls.hpp"
#include "request/requirement.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

enum class Cached { allowed, refused };

DriverDetails ask_driver(const Inventory& inventory, const Config& config, Log& log,
                         Cached cached) {
  GpuQuery query = gpu_question(inventory, config.driver_root);
  query.probe = config.probe;
  query.deadline = config.probe_deadline;
  query.bypass_cache = cached == Cached::refused;
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

/// On WSL2 the driver's version and the GPUs, in their order, are known only to NVML.
void take_over(const DriverDetails& details, Inventory& inventory) {
  inventory.driver = details.driver;
  for (const GpuDetails& row : details.gpus) {
    const auto index = static_cast<unsigned>(inventory.gpus.size());
    inventory.gpus.push_back({.index = index, .uuid = row.uuid, .pci = row.pci});
  }
}

/// What is known of the driver without one of its GPUs.
RequirementFacts facts_of(const Inventory& inventory) {
  return {.driver = inventory.driver,
          .cuda = inventory.cuda,
          .least_cuda = least_cuda_version_of(inventory.driver)};
}

/// Whether the request depends on something that only NVML knows.
bool must_ask(const Request& request, const Inventory& inventory) {
  RequirementFacts known = facts_of(inventory);
  known.no_gpu = std::holds_alternative<NoDevices>(request.devices) || inventory.gpus.empty();
  const NeededFacts open = undecided_facts(request.requirements, known);
  const bool by_wsl = inventory.is_wsl && (std::holds_alternative<DeviceNames>(request.devices) ||
                                           !request.requirements.empty());
  return by_wsl || open.cuda || open.arch || open.brand ||
         needs_unknown_uuid(request.devices, inventory.gpus) ||
         needs_mig_names(request.devices, inventory);
}

Inventory completed(Inventory inventory, const DriverDetails& details) {
  if (inventory.is_wsl && inventory.gpus.empty()) take_over(details, inventory);
  if (!inventory.cuda) inventory.cuda = details.cuda;
  for (Gpu& gpu : inventory.gpus) {
    const GpuDetails* row = find_details(details, gpu);
    if (gpu.uuid.empty() && row != nullptr) gpu.uuid = row->uuid;
  }
  inventory.mig_devices = name_mig_devices(inventory, details);
  return inventory;
}

bool knows_all_devices(const Request& request, const Inventory& inventory) {
  try {
    static_cast<void>(select_devices(request.devices, inventory));
  } catch (const Error&) {
    return false;
  }
  return true;
}

/// Asks the driver for what the request needs and /proc does not have. A MIG device that was
/// removed and created again in the same place has another UUID, which the cache's key does not
/// show. Therefore, if a device is unknown, the driver is asked once more.
/// Whether selected MIG devices may have graphics, which only their profiles tell.
bool wants_profiles(const Request& request, const Inventory& inventory) {
  return request.capabilities.intersects({Capability::graphics, Capability::display}) &&
         knows_all_devices(request, inventory) &&
         needs_mig_profiles(select_devices(request.devices, inventory), inventory);
}

/// A driver that does not answer keeps no container from its MIG devices.
void add_profiles(const Config& config, Inventory& inventory, Log& log) {
  try {
    const DriverDetails details = ask_driver(inventory, config, log, Cached::allowed);
    inventory = completed(std::move(inventory), details);
  } catch (const Error& error) {
    inventory.notes.push_back(
        warning("no /dev/dri nodes of MIG devices: which of them have graphics is not known: " +
                std::string(error.what())));
  }
}

std::optional<DriverDetails> complete_inventory(const Request& request, const Config& config,
                                                Inventory& inventory, Log& log) {
  if (!must_ask(request, inventory)) {
    if (wants_profiles(request, inventory)) add_profiles(config, inventory, log);
    return std::nullopt;
  }
  DriverDetails details = ask_driver(inventory, config, log, Cached::allowed);
  if (details.from_cache && !knows_all_devices(request, completed(inventory, details))) {
    details = ask_driver(inventory, config, log, Cached::refused);
  }
  inventory = completed(std::move(inventory), details);
  return details;
}

void check_and_note(const Request& request, const RequirementFacts& facts, Notes& notes) {
  const auto alternatives = check_requirements(request.requirements, facts);
  for (std::size_t i = 0; i < alternatives.size(); ++i) {
    if (alternatives[i].empty()) continue;  // an empty alternative always holds
    notes.push_back(info(request.requirements[i].variable + " holds by `" +
                         std::string(alternatives[i]) + "`: driver " + facts.driver.str() +
                         ", CUDA " + cuda_text(facts) +
                         (facts.gpu.empty() ? "" : ", " + facts.gpu)));
  }
}

std::string name_of(const Gpu& gpu) {
  return "GPU " + std::to_string(gpu.index) + (gpu.uuid.empty() ? "" : " (" + gpu.uuid + ")");
}

/// Every requirement must hold for every visible GPU. Without a GPU it is checked once
/// (docs/behaviour.md §3.2). A GPU of `all` about which the driver gave no answer is broken, and
/// keeps no container from those that answered.
Notes check_all_requirements(const Request& request, const Inventory& inventory,
                             const std::optional<DriverDetails>& details) {
  Notes notes;
  if (request.requirements.empty()) return notes;
  RequirementFacts facts = facts_of(inventory);
  const std::vector<Gpu> gpus = select_devices(request.devices, inventory).gpus;
  if (gpus.empty()) {
    facts.no_gpu = true;
    check_and_note(request, facts, notes);
  }
  const auto details_of = [&](const Gpu& gpu) {
    return details ? find_details(*details, gpu) : nullptr;
  };
  const bool may_lack_one = std::holds_alternative<AllDevices>(request.devices) &&
                            std::any_of(gpus.begin(), gpus.end(), details_of);
  for (const Gpu& gpu : gpus) {
    const GpuDetails* row = details_of(gpu);
    facts.gpu = name_of(gpu);
    if (row == nullptr && may_lack_one) {
      notes.push_back(warning(facts.gpu + " is broken: the driver does not answer about it, and "
                                          "no requirement was checked for it"));
      continue;
    }
    facts.arch = row == nullptr ? std::nullopt : std::optional(row->compute_capability);
    facts.brand = row == nullptr ? std::nullopt : std::optional(row->brand);
    check_and_note(request, facts, notes);
  }
  return notes;
}

/// Reads the host. If the driver or a node that the request needs is missing, and the configuration
/// allows it, provides it and reads the host again.
Inventory probe_or_provide(const HostView& view, const Request& request, const Config& config,
                           Log& log) {
  try {
    Inventory inventory = probe_host(view, request);
    if (!config.load_kmods || !lacks_devices(request, inventory)) return inventory;
  } catch (const Error& error) {
    // No module of NVIDIA's drives a Tegra's GPU.
    const bool may_help = error.code() == Code::driver_not_loaded && !is_tegra(view.system);
    if (!config.load_kmods || !may_help) throw;
  }
  log.notes(provide_devices(view, request, {.create_imex_channels = config.create_imex_channels}));
  log.phase("loading modules and making device nodes");
  return probe_host(view, request);
}

}  // namespace

RootDir open_driver_root(const Config& config) {
  auto root = open_root(config.driver_root);
  if (!root) {
    throw_errno(Code::driver_root_invalid, "open driver root `" + config.driver_root + "`",
                "correct `root` under [nvidia-container-cli], or start what provides that "
                "directory (the driver container)");
  }
  return *std::move(root);
}

HostFacts read_host(const Request& request, const Config& config, const RootDir& system, Log& log,
                    CachePolicy cache) {
  HostFacts host{.driver_root = open_driver_root(config)};
  host.inventory =
      probe_or_provide({.system = system,
                        .driver = host.driver_root,
                        .loader_cache = config.loader_cache,
                        .mps_pipe_directory = config.mps_pipe_directory,
                        .library_search_path = config.library_search_path,
                        .cache_directory = cache == CachePolicy::use ? kRunDirectory : ""},
                       request, config, log);
  log.phase("reading the host");
  const auto details = complete_inventory(request, config, host.inventory, log);
  host.requirements = check_all_requirements(request, host.inventory, details);
  log.notes(host.requirements);
  return host;
}

DriverDetails ask_about_gpus(HostFacts& host, const Config& config, Log& log) {
  DriverDetails details = ask_driver(host.inventory, config, log, Cached::allowed);
  host.inventory = completed(std::move(host.inventory), details);
  return details;
}

}  // namespace nvhook
