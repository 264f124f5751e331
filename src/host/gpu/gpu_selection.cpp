// SPDX-License-Identifier: Apache-2.0
// Errors list what the host has, shortened on large machines.
#include "host/gpu/gpu_selection.hpp"

#include <algorithm>

#include "request/device_name.hpp"
#include "request/spelling.hpp"
#include "text/error.hpp"
#include "text/pci_address.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kShown = 16;
constexpr std::size_t kShownName = 200;  // bytes; longer than any name of a device

const Gpu* find_minor(const std::vector<Gpu>& gpus, unsigned minor) {
  const auto found =
      std::find_if(gpus.begin(), gpus.end(), [&](const Gpu& gpu) { return gpu.minor == minor; });
  return found == gpus.end() ? nullptr : &*found;
}

bool names_gpu(const DeviceName& name, const Gpu& gpu) {
  switch (name.kind) {
    case DeviceNameKind::index:
      return name.gpu_index == gpu.index;
    case DeviceNameKind::gpu_uuid:
      return equals_ignoring_case(name.uuid, gpu.uuid);
    case DeviceNameKind::pci:
      return name.pci == parse_pci_address(gpu.pci);
    default:
      return false;
  }
}

bool names_mig_device(const DeviceName& name, const MigDevice& device, const Gpu& gpu) {
  switch (name.kind) {
    case DeviceNameKind::mig_index:
      return name.gpu_index == gpu.index && name.mig_index == device.index;
    case DeviceNameKind::mig_uuid:
      return equals_ignoring_case(name.uuid, device.uuid);
    case DeviceNameKind::mig_legacy:
      return equals_ignoring_case(name.uuid, gpu.uuid) &&
             name.gpu_instance == device.gpu_instance &&
             name.compute_instance == device.compute_instance;
    default:
      return false;
  }
}

void append_shown(std::string& text, const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
    text += (i == 0 ? " " : ", ") + names[i];
  }
  if (names.size() > kShown) text += ", … up to " + names.back();
}

/// Of a container that was not given all devices only those are known that it has.
std::string here(const Inventory& inventory) {
  return inventory.nodes_are_given ? "this container has" : "this host has";
}

/// Without UUIDs: whoever reads the error of a container, such as a tenant of a cluster, must not
/// learn those of GPUs that are not theirs.
std::string describe_gpus(const Inventory& inventory) {
  const std::vector<Gpu>& gpus = inventory.gpus;
  if (gpus.empty()) return here(inventory) + " no GPU";
  std::vector<std::string> names;
  names.reserve(gpus.size());
  for (const Gpu& gpu : gpus) {
    names.push_back(std::to_string(gpu.index));
  }
  std::string text = here(inventory) + (gpus.size() == 1 ? " GPU" : " GPUs");
  append_shown(text, names);
  return text;
}

std::string describe_mig_devices(const Inventory& inventory) {
  if (inventory.mig_devices.empty()) return here(inventory) + " no MIG device";
  std::vector<std::string> names;
  names.reserve(inventory.mig_devices.size());
  for (MigDevice device : inventory.mig_devices) {
    device.uuid.clear();
    const Gpu* gpu = find_minor(inventory.gpus, device.gpu_minor);
    std::string name = gpu == nullptr ? "" : "GPU " + std::to_string(gpu->index) + " ";
    names.push_back(name + to_string(device));
  }
  std::string text = here(inventory) + " the MIG devices";
  append_shown(text, names);
  return text;
}

Error unknown_device(const std::string& name, DeviceNameKind kind, const Inventory& inventory) {
  const std::string shown = name.size() <= kShownName ? name : name.substr(0, kShownName) + "…";
  const std::string what = "`" + shown + "`: unknown device; ";
  if (is_cdi_name(name)) {
    return Error(Code::unknown_device, what + "a name by CDI that is none of NVIDIA's GPUs",
                 device_remedy(shown));
  }
  if (std::string remedy = device_remedy(shown); !remedy.empty()) {
    return Error(Code::unknown_device, what + describe_gpus(inventory), remedy);
  }
  const std::string more =
      inventory.nodes_are_given ? "; or give this container more devices where it is started" : "";
  if (is_mig(kind)) {
    return Error(Code::unknown_device, what + describe_mig_devices(inventory),
                 "ask for one of these by <GPU index>:<MIG index> or by MIG UUID (`nvidia-smi -L` "
                 "lists them), or for all" +
                     more);
  }
  return Error(Code::unknown_device, what + describe_gpus(inventory),
               "ask for one of these by index, whole UUID or PCI address, or for all" + more);
}

class Selection {
 public:
  explicit Selection(const Inventory& inventory)
      : inventory_(inventory),
        gpus_(inventory.gpus.size(), false),
        mig_devices_(inventory.mig_devices.size(), false) {}

  void add(const std::string& text) {
    const DeviceName name = parse_device_name(text);
    const bool found = is_mig(name.kind) ? add_mig_device(name) : add_gpu(name);
    if (!found) throw unknown_device(text, name.kind, inventory_);
  }

  [[nodiscard]] SelectedDevices take() const {
    SelectedDevices selected;
    for (std::size_t i = 0; i < gpus_.size(); ++i) {
      if (gpus_[i]) selected.gpus.push_back(inventory_.gpus[i]);
    }
    for (std::size_t i = 0; i < mig_devices_.size(); ++i) {
      if (mig_devices_[i]) selected.mig_devices.push_back(inventory_.mig_devices[i]);
    }
    return selected;
  }

 private:
  bool add_gpu(const DeviceName& name) {
    for (std::size_t i = 0; i < gpus_.size(); ++i) {
      if (!names_gpu(name, inventory_.gpus[i])) continue;
      gpus_[i] = true;
      return true;
    }
    return false;
  }

  bool add_mig_device(const DeviceName& name) {
    for (std::size_t i = 0; i < mig_devices_.size(); ++i) {
      const MigDevice& device = inventory_.mig_devices[i];
      const Gpu* gpu = find_minor(inventory_.gpus, device.gpu_minor);
      if (gpu == nullptr || !names_mig_device(name, device, *gpu)) continue;
      mig_devices_[i] = true;
      gpus_[static_cast<std::size_t>(gpu - inventory_.gpus.data())] = true;
      return true;
    }
    return false;
  }

  const Inventory& inventory_;
  std::vector<bool> gpus_;
  std::vector<bool> mig_devices_;
};

/// Whether `selection` has names and `matches` is true of one of them.
bool names_any(const DeviceSelection& selection, auto matches) {
  const auto* const names = std::get_if<DeviceNames>(&selection);
  return names != nullptr &&
         std::any_of(names->begin(), names->end(),
                     [&](const std::string& name) { return matches(parse_device_name(name)); });
}

/// Whether the engine gave this node of the host to the container.
bool is_granted(const DeviceNode& node, const std::vector<SpecNode>& granted) {
  const std::string& path = node.file.path.str();
  const auto found = std::find_if(granted.begin(), granted.end(),
                                  [&](const SpecNode& one) { return one.path == path; });
  if (found == granted.end()) return false;
  if (found->number == node.number) return true;
  throw Error(Code::device_node_wrong,
              "`" + path + "` in config.json is not device " + to_string(node.number) +
                  ", which it is for the driver",
              "generate the CDI specification anew (`oci-nvidia cdi check` tells what is stale)");
}

SelectedDevices select_granted(const std::vector<SpecNode>& granted, const Inventory& inventory) {
  const auto is_given = [&](DeviceRole role, auto is_it) {
    return std::any_of(inventory.nodes.begin(), inventory.nodes.end(), [&](const DeviceNode& node) {
      return node.role == role && is_it(node) && is_granted(node, granted);
    });
  };
  SelectedDevices selected;
  for (const Gpu& gpu : inventory.gpus) {
    const auto is_its = [&](const DeviceNode& node) { return node.gpu_minor == gpu.minor; };
    if (is_given(DeviceRole::gpu, is_its)) selected.gpus.push_back(gpu);
  }
  for (const MigDevice& device : inventory.mig_devices) {
    bool is_open = find_minor(selected.gpus, device.gpu_minor) != nullptr;
    bool has_capability = false;
    for (const MigCapability& capability : inventory.mig_capabilities) {
      if (!opens(capability, device)) continue;
      has_capability = true;
      is_open = is_open && is_given(DeviceRole::mig, [&](const DeviceNode& node) {
                  return node.number.minor == capability.minor;
                });
    }
    if (is_open && has_capability) selected.mig_devices.push_back(device);
  }
  return selected;
}

}  // namespace

SelectedDevices select_devices(const DeviceSelection& selection, const Inventory& inventory) {
  if (std::holds_alternative<AllDevices>(selection)) {
    return {.gpus = inventory.gpus, .mig_devices = inventory.mig_devices};
  }
  if (const auto* granted = std::get_if<GrantedNodes>(&selection)) {
    return select_granted(granted->nodes, inventory);
  }
  const auto* names = std::get_if<DeviceNames>(&selection);
  if (names == nullptr) return {};
  Selection selected(inventory);
  for (const std::string& name : *names) selected.add(name);
  return selected.take();
}

std::string to_string(const MigDevice& device) {
  std::string text = device.index ? "MIG " + std::to_string(*device.index) + " (" : "(";
  if (!device.uuid.empty()) text += device.uuid + ", ";
  return text + "GPU instance " + std::to_string(device.gpu_instance) + ", compute instance " +
         std::to_string(device.compute_instance) + ")";
}

bool needs_unknown_uuid(const DeviceSelection& selection, const std::vector<Gpu>& gpus) {
  const auto is_there = [&](std::string_view uuid) {
    return std::any_of(gpus.begin(), gpus.end(),
                       [&](const Gpu& gpu) { return equals_ignoring_case(gpu.uuid, uuid); });
  };
  // A UUID that /proc tells needs no question because another GPU, which may be broken, has none.
  return is_there("") && names_any(selection, [&](const DeviceName& name) {
           return (name.kind == DeviceNameKind::gpu_uuid ||
                   name.kind == DeviceNameKind::mig_legacy) &&
                  !is_there(name.uuid);
         });
}

bool needs_mig_names(const DeviceSelection& selection, const Inventory& inventory) {
  const auto is_found = [&](const DeviceName& name, auto matches) {
    return std::any_of(inventory.mig_devices.begin(), inventory.mig_devices.end(),
                       [&](const MigDevice& device) {
                         const Gpu* gpu = find_minor(inventory.gpus, device.gpu_minor);
                         return gpu != nullptr && matches(name, device, *gpu);
                       });
  };
  const auto lacks_name = [](const DeviceName& name, const MigDevice& device, const Gpu& gpu) {
    return name.kind == DeviceNameKind::mig_uuid ? device.uuid.empty()
                                                 : name.gpu_index == gpu.index && !device.index;
  };
  return names_any(selection, [&](const DeviceName& name) {
    return (name.kind == DeviceNameKind::mig_index || name.kind == DeviceNameKind::mig_uuid) &&
           is_found(name, lacks_name) && !is_found(name, names_mig_device);
  });
}

bool is_for_mig(const SelectedDevices& selected, const Gpu& gpu) {
  const auto& devices = selected.mig_devices;
  return std::any_of(devices.begin(), devices.end(),
                     [&](const MigDevice& device) { return device.gpu_minor == gpu.minor; });
}

bool needs_mig_profiles(const SelectedDevices& selected, const Inventory& inventory) {
  const auto has_drm_nodes = [&](const MigDevice& device) {
    return std::any_of(inventory.nodes.begin(), inventory.nodes.end(), [&](const DeviceNode& node) {
      return node.role == DeviceRole::drm && node.gpu_minor == device.gpu_minor;
    });
  };
  const auto& devices = selected.mig_devices;
  return std::any_of(devices.begin(), devices.end(), [&](const MigDevice& device) {
    return !device.index && has_drm_nodes(device);
  });
}

}  // namespace nvhook
