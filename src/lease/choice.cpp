// SPDX-License-Identifier: Apache-2.0
// A conflict is told with the container that is in the way: somebody has to end it, or wait.
#include "lease/choice.hpp"

#include <algorithm>
#include <string>

#include "text/error.hpp"
#include "text/text.hpp"
#include "text/utc_time.hpp"

namespace nvhook {
namespace {

constexpr const char* kWait =
    "wait until it ends (`oci-nvidia ps --leases` shows who has what), or let `lease-wait` in "
    "config.toml wait";

/// A device in the way, and who has it.
struct Conflict {
  const Lease* lease = nullptr;
  const LeasedDevice* device = nullptr;
};

Conflict conflict_with(const LeasedDevice& wanted, const std::vector<Lease>& others) {
  for (const Lease& lease : others) {
    for (const LeasedDevice& device : lease.devices) {
      if (!overlaps(wanted, device)) continue;
      if (wanted.is_exclusive || device.is_exclusive) return {&lease, &device};
    }
  }
  return {};
}

std::string shown(const LeasedDevice& device, const Inventory& inventory) {
  const auto gpu = std::find_if(inventory.gpus.begin(), inventory.gpus.end(),
                                [&](const Gpu& one) { return lease_name(one) == device.gpu; });
  std::string name =
      "GPU " + (gpu == inventory.gpus.end() ? device.gpu : std::to_string(gpu->index));
  if (!device.mig) return name;
  return name + ", GPU instance " + std::to_string(device.mig->gpu) + ", compute instance " +
         std::to_string(device.mig->compute);
}

std::string held_by(const Conflict& conflict) {
  return (conflict.device->is_exclusive ? "is leased by " : "is in use by ") +
         describe(conflict.lease->holder) + " since " + utc_time(conflict.lease->since);
}

Choice choose_named(const Request& request, const Inventory& inventory,
                    const std::vector<Lease>& others) {
  const SelectedDevices selected = select_devices(request.devices, inventory);
  Choice choice{.devices = request.devices,
                .leased = leased_devices(selected, request.is_exclusive)};
  for (const LeasedDevice& wanted : choice.leased) {
    const Conflict conflict = conflict_with(wanted, others);
    if (conflict.lease == nullptr) continue;
    throw Error(Code::device_taken, shown(wanted, inventory) + " " + held_by(conflict), kWait);
  }
  return choice;
}

std::vector<const Gpu*> leasable(const Inventory& inventory) {
  std::vector<const Gpu*> gpus;
  for (const Gpu& gpu : inventory.gpus) {
    const bool has_mig =
        std::any_of(inventory.mig_devices.begin(), inventory.mig_devices.end(),
                    [&](const MigDevice& device) { return device.gpu_minor == gpu.minor; });
    if (!gpu.excluded && !has_mig && !lease_name(gpu).empty()) gpus.push_back(&gpu);
  }
  return gpus;
}

std::string asked_for(unsigned count) {
  return count == 1 ? "1 free GPU is" : std::to_string(count) + " free GPUs are";
}

[[noreturn]] void refuse_count(unsigned count, std::size_t all) {
  throw Error(Code::unknown_device,
              asked_for(count) + " asked for, and this host has " + std::to_string(all) +
                  " that can be leased; unknown device",
              "ask for fewer GPUs; GPUs with MIG devices are not counted");
}

/// Names the first of those that have the others.
[[noreturn]] void refuse_now(unsigned count, std::size_t free, const std::vector<const Gpu*>& gpus,
                             const std::vector<Lease>& others, const Inventory& inventory) {
  constexpr std::size_t kShown = 4;
  std::vector<std::string> taken;
  std::size_t more = 0;
  for (const Gpu* gpu : gpus) {
    const LeasedDevice wanted{.gpu = lease_name(*gpu), .is_exclusive = true};
    const Conflict conflict = conflict_with(wanted, others);
    if (conflict.lease == nullptr) continue;
    if (taken.size() == kShown) {
      ++more;
    } else {
      taken.push_back(shown(wanted, inventory) + " " + held_by(conflict));
    }
  }
  throw Error(Code::no_free_device,
              asked_for(count) + " asked for, and of " + std::to_string(gpus.size()) + " there " +
                  (free == 1 ? "is " : "are ") + std::to_string(free) + ": " + join(taken, "; ") +
                  (more == 0 ? "" : "; and " + std::to_string(more) + " more"),
              kWait);
}

/// A name that means this GPU alone, whatever else changes on the host.
std::string lasting_name(const Gpu& gpu) { return gpu.uuid.empty() ? gpu.pci : gpu.uuid; }

Choice choice_of(const std::vector<const Gpu*>& gpus) {
  DeviceNames names;
  SelectedDevices selected;
  for (const Gpu* gpu : gpus) {
    names.push_back(lasting_name(*gpu));
    selected.gpus.push_back(*gpu);
  }
  return {.devices = std::move(names), .leased = leased_devices(selected, true)};
}

Choice choose_free(unsigned count, const Inventory& inventory, const std::vector<Lease>& others,
                   const std::vector<LeasedDevice>& own) {
  const std::vector<const Gpu*> gpus = leasable(inventory);
  std::vector<const Gpu*> free;
  std::vector<const Gpu*> ours;
  for (const Gpu* gpu : gpus) {
    const LeasedDevice wanted{.gpu = lease_name(*gpu), .is_exclusive = true};
    if (conflict_with(wanted, others).lease != nullptr) continue;
    free.push_back(gpu);
    if (std::find(own.begin(), own.end(), wanted) != own.end()) ours.push_back(gpu);
  }
  if (ours.size() == count) return choice_of(ours);
  if (gpus.size() < count) refuse_count(count, gpus.size());
  if (free.size() < count) refuse_now(count, free.size(), gpus, others, inventory);
  free.resize(count);
  return choice_of(free);
}

}  // namespace

Choice choose(const Request& request, const Inventory& inventory, const std::vector<Lease>& others,
              const std::vector<LeasedDevice>& own) {
  if (request.free_gpus == 0) return choose_named(request, inventory, others);
  return choose_free(request.free_gpus, inventory, others, own);
}

}  // namespace nvhook
