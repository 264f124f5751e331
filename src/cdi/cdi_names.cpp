// SPDX-License-Identifier: Apache-2.0
// What is wanted is looked up first; names are then given in the order of the host.
#include "cdi/cdi_names.hpp"

#include <algorithm>

#include "host/gpu/gpu_selection.hpp"
#include "request/device_name.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

template <typename T>
bool has(const std::vector<T>& items, const T& item) {
  return std::find(items.begin(), items.end(), item) != items.end();
}

/// Finds each wanted device. The GPU of a MIG device is not wanted for that.
SelectedDevices find_wanted(const std::vector<std::string>& ids, const Inventory& inventory) {
  SelectedDevices found;
  for (const std::string& id : ids) {
    const std::string qualified = "nvidia.com/gpu=" + id;
    const std::string name(without_cdi_kind(qualified));
    const SelectedDevices one = select_devices(DeviceNames{name}, inventory);
    if (is_mig(parse_device_name(name).kind)) {
      found.mig_devices.insert(found.mig_devices.end(), one.mig_devices.begin(),
                               one.mig_devices.end());
    } else {
      found.gpus.insert(found.gpus.end(), one.gpus.begin(), one.gpus.end());
    }
  }
  return found;
}

class Namer {
 public:
  explicit Namer(CdiNaming naming) : naming_(naming) {}

  void add(const Gpu& gpu) {
    const std::string index = std::to_string(gpu.index);
    add_indices("gpu", index);
    if (naming_.by_uuid && !gpu.uuid.empty()) add(gpu.uuid, gpu.uuid);
  }

  void add(const Gpu& gpu, const MigDevice& device) {
    if (device.index) {
      add_indices("mig", std::to_string(gpu.index) + ":" + std::to_string(*device.index));
    }
    // Names of drivers before 470 contain a slash, which CDI does not allow.
    const bool can_be_name = !device.uuid.empty() && device.uuid.find('/') == std::string::npos;
    if (naming_.by_uuid && can_be_name) add(device.uuid, device.uuid);
  }

  std::vector<CdiName> take() { return std::move(names_); }

 private:
  void add_indices(const char* type, const std::string& index) {
    if (naming_.by_index) add(index, index);
    if (naming_.by_type_index) add(type + index, index);
  }

  void add(const std::string& name, const std::string& meant) {
    names_.push_back({.name = name, .selection = DeviceNames{meant}});
  }

  CdiNaming naming_;
  std::vector<CdiName> names_ = {};
};

/// WSL2 has one node for all GPUs.
std::vector<CdiName> wsl_names(const CdiWanted& wanted) {
  for (const std::string& id : wanted.devices) {
    if (id == "all") continue;
    throw Error(Code::unknown_device, "`" + id + "`: on WSL2 one node is all GPUs",
                "name `all` alone with --device");
  }
  if (!wanted.all_device) return {};
  return {{.name = "all", .selection = AllDevices{}}};
}

}  // namespace

std::vector<CdiName> cdi_names(const Inventory& inventory, CdiNaming naming,
                               const CdiWanted& wanted) {
  if (contains(wanted.devices, "none")) return {{.name = "none", .selection = NoDevices{}}};
  if (inventory.is_wsl) return wsl_names(wanted);
  const bool everything = wanted.devices.empty() || contains(wanted.devices, "all");
  const SelectedDevices found =
      everything ? select_devices(AllDevices{}, inventory) : find_wanted(wanted.devices, inventory);
  Namer namer(naming);
  DeviceNames ids;
  for (const Gpu& gpu : inventory.gpus) {
    if (has(found.gpus, gpu)) namer.add(gpu);
    for (const MigDevice& device : inventory.mig_devices) {
      if (device.gpu_minor == gpu.minor && has(found.mig_devices, device)) namer.add(gpu, device);
    }
  }
  std::vector<CdiName> names = namer.take();
  if (!wanted.all_device) return names;
  CdiName all{.name = "all", .selection = AllDevices{}};
  if (!everything) {
    for (const CdiName& name : names) {
      const auto& meant = std::get<DeviceNames>(name.selection);
      ids.insert(ids.end(), meant.begin(), meant.end());
    }
    all.selection = std::move(ids);
  }
  names.push_back(std::move(all));
  return names;
}

}  // namespace nvhook
