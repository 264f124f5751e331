// SPDX-License-Identifier: Apache-2.0
// A stale node counts as missing.
#include "host/nodes/device_needs.hpp"

#include <algorithm>

namespace nvhook {
namespace {

bool has_role(const Inventory& inventory, DeviceRole role) {
  return std::any_of(inventory.nodes.begin(), inventory.nodes.end(),
                     [&](const DeviceNode& node) { return !node.is_stale && node.role == role; });
}

bool has_node(const Inventory& inventory, DeviceRole role, unsigned minor) {
  return std::any_of(inventory.nodes.begin(), inventory.nodes.end(), [&](const DeviceNode& node) {
    return !node.is_stale && node.role == role && node.number.minor == minor;
  });
}

bool has_gpu(const Inventory& inventory, const Gpu& gpu) {
  return std::any_of(inventory.nodes.begin(), inventory.nodes.end(), [&](const DeviceNode& node) {
    return !node.is_stale && node.role == DeviceRole::gpu && node.gpu_minor == gpu.minor;
  });
}

bool lacks_driver_nodes(const Request& request, const Inventory& inventory) {
  constexpr unsigned kUvmMinor = 0;
  constexpr unsigned kUvmToolsMinor = 1;
  if (!has_role(inventory, DeviceRole::control)) return true;
  if (request.capabilities.contains(Capability::display) &&
      !has_role(inventory, DeviceRole::modeset)) {
    return true;
  }
  return request.capabilities.intersects({Capability::compute, Capability::video}) &&
         (!has_node(inventory, DeviceRole::uvm, kUvmMinor) ||
          !has_node(inventory, DeviceRole::uvm, kUvmToolsMinor));
}

bool is_needed(const MigCapability& capability, const Request& request, const Inventory& inventory,
               bool gpus_wanted) {
  switch (capability.role) {
    case MigCapability::Role::config:
      return request.mig_config;
    case MigCapability::Role::monitor:
      return request.mig_monitor;
    case MigCapability::Role::instance:
      return gpus_wanted &&
             std::any_of(inventory.mig_devices.begin(), inventory.mig_devices.end(),
                         [&](const MigDevice& device) { return opens(capability, device); });
  }
  return false;
}

}  // namespace

bool lacks_devices(const Request& request, const Inventory& inventory) {
  if (inventory.is_wsl) return false;
  const bool gpus_wanted = !std::holds_alternative<NoDevices>(request.devices);
  if (lacks_driver_nodes(request, inventory)) return true;
  if (gpus_wanted && !std::all_of(inventory.gpus.begin(), inventory.gpus.end(),
                                  [&](const Gpu& gpu) { return has_gpu(inventory, gpu); })) {
    return true;
  }
  if (!std::all_of(
          request.imex_channels.begin(), request.imex_channels.end(),
          [&](unsigned channel) { return has_node(inventory, DeviceRole::imex, channel); })) {
    return true;
  }
  return inventory.nvidia_caps_major &&
         std::any_of(inventory.mig_capabilities.begin(), inventory.mig_capabilities.end(),
                     [&](const MigCapability& capability) {
                       return is_needed(capability, request, inventory, gpus_wanted) &&
                              !has_node(inventory, DeviceRole::mig, capability.minor);
                     });
}

}  // namespace nvhook
