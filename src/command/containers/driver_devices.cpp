// SPDX-License-Identifier: Apache-2.0
// A number is that of the driver's own tables, so that a stale node of the host misleads nobody.
#include "command/containers/driver_devices.hpp"

#include <algorithm>

namespace nvhook {
namespace {

std::string mig_name(const MigDevice& device, const Gpu& gpu) {
  const std::string prefix = std::to_string(gpu.index) + ":";
  if (device.index) return prefix + std::to_string(*device.index);
  return prefix + "gi" + std::to_string(device.gpu_instance) + "/ci" +
         std::to_string(device.compute_instance);
}

bool intersect(const std::set<DeviceNumber>& a, const std::set<DeviceNumber>& b) {
  return std::any_of(a.begin(), a.end(), [&](DeviceNumber number) { return b.contains(number); });
}

}  // namespace

DriverDevices::DriverDevices(const Inventory& inventory) {
  for (const DeviceNode& node : inventory.nodes) all_.insert(node.number);
  for (const Gpu& gpu : inventory.gpus) {
    add_gpu(gpu, inventory);
    for (const MigDevice& device : inventory.mig_devices) {
      if (device.gpu_minor == gpu.minor) add_mig_device(device, gpu, inventory);
    }
  }
}

void DriverDevices::add_gpu(const Gpu& gpu, const Inventory& inventory) {
  devices_.push_back({.name = std::to_string(gpu.index),
                      .gpu = gpu.index,
                      .uuid = gpu.uuid,
                      .model = gpu.model,
                      .pci = gpu.pci});
  Nodes& nodes = nodes_.emplace_back();
  for (const DeviceNode& node : inventory.nodes) {
    const bool is_gpus = node.role == DeviceRole::gpu || node.role == DeviceRole::drm;
    if (!is_gpus || node.gpu_minor != gpu.minor) continue;
    nodes.access.insert(node.number);
    device_nodes_.emplace(node.number, node.file.path.str());
  }
}

void DriverDevices::add_mig_device(const MigDevice& device, const Gpu& gpu,
                                   const Inventory& inventory) {
  devices_.push_back({.name = mig_name(device, gpu),
                      .gpu = gpu.index,
                      .uuid = device.uuid,
                      .is_mig = true,
                      .gpu_instance = device.gpu_instance,
                      .compute_instance = device.compute_instance});
  Nodes& nodes = nodes_.emplace_back();
  if (!inventory.nvidia_caps_major) return;
  for (const MigCapability& capability : inventory.mig_capabilities) {
    if (!opens(capability, device)) continue;
    const DeviceNumber number{*inventory.nvidia_caps_major, capability.minor};
    (capability.compute_instance ? nodes.access : nodes.shared).insert(number);
    device_nodes_.emplace(number, "/dev/nvidia-caps/nvidia-cap" + std::to_string(capability.minor));
    all_.insert(number);
  }
}

/// The node of a GPU instance alone counts for all of its compute instances; beside the node of one
/// of them it says nothing about the others.
bool DriverDevices::leads_to(std::size_t mig, const std::set<DeviceNumber>& numbers) const {
  if (intersect(nodes_[mig].access, numbers)) return true;
  if (!intersect(nodes_[mig].shared, numbers)) return false;
  for (std::size_t other = 0; other < devices_.size(); ++other) {
    const bool is_beside = devices_[other].is_mig && devices_[other].gpu == devices_[mig].gpu &&
                           devices_[other].gpu_instance == devices_[mig].gpu_instance;
    if (is_beside && intersect(nodes_[other].access, numbers)) return false;
  }
  return true;
}

std::vector<std::size_t> DriverDevices::behind(const std::set<DeviceNumber>& numbers) const {
  std::vector<std::size_t> found;
  if (numbers.empty()) return found;
  for (std::size_t at = 0; at < devices_.size();) {
    const std::size_t gpu = at++;
    const std::size_t before = found.size();
    for (; at < devices_.size() && devices_[at].is_mig; ++at) {
      if (leads_to(at, numbers)) found.push_back(at);
    }
    const bool has_mig = found.size() != before;
    if (!has_mig && intersect(nodes_[gpu].access, numbers)) found.push_back(gpu);
  }
  return found;
}

}  // namespace nvhook
