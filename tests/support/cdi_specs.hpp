// SPDX-License-Identifier: Apache-2.0
// CDI specifications for hand-written inventories, and what is in them.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cdi/cdi_plan.hpp"
#include "support/planner_host.hpp"

namespace nvhook::test {

inline CdiOptions options(CdiMode mode, CapabilitySet capabilities = {Capability::utility}) {
  return {.mode = mode, .capabilities = capabilities, .hook = "/usr/bin/oci-nvidia-hook"};
}

inline CdiSpec spec_for(const CdiOptions& wanted, const Inventory& inventory = host(),
                        const Config& config = {}) {
  return to_cdi(inventory,
                {.library_directory = ContainerPath("/usr/lib64"),
                 .library32_directory = ContainerPath("/usr/lib32")},
                config, wanted);
}

inline Inventory mig_host() {
  Inventory inventory = host();
  inventory.nvidia_caps_major = 239;
  const auto add = [&](unsigned gpu_instance, unsigned minor, std::optional<unsigned> compute) {
    inventory.mig_capabilities.push_back({.role = MigCapability::Role::instance,
                                          .gpu_minor = 2,
                                          .gpu_instance = gpu_instance,
                                          .compute_instance = compute,
                                          .minor = minor});
    inventory.nodes.push_back(
        node(DeviceRole::mig, "/dev/nvidia-caps/nvidia-cap" + std::to_string(minor), {239, minor}));
  };
  add(7, 30, std::nullopt);
  add(7, 31, 0);
  add(8, 40, std::nullopt);
  add(8, 41, 0);
  inventory.mig_devices = {
      {.gpu_minor = 2, .gpu_instance = 7, .index = 0, .uuid = "MIG-1"},
      {.gpu_minor = 2, .gpu_instance = 8},
  };
  return inventory;
}

inline std::vector<std::string> names_in(const CdiSpec& spec) {
  std::vector<std::string> names;
  for (const CdiDevice& device : spec.devices) names.push_back(device.name);
  return names;
}

inline std::vector<std::string> nodes_of(const CdiSpec& spec, const std::string& name) {
  std::vector<std::string> paths;
  for (const CdiDevice& device : spec.devices) {
    if (device.name != name) continue;
    for (const CdiNode& node : device.edits.nodes) paths.push_back(node.path);
  }
  return paths;
}

}  // namespace nvhook::test
