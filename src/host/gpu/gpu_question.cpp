// SPDX-License-Identifier: Apache-2.0
// What tells one answer of the driver from another is part of the question.
#include "host/gpu/gpu_question.hpp"

namespace nvhook {

GpuQuery gpu_question(const Inventory& inventory, const std::string& driver_root) {
  const Component* library = find_component(ComponentKind::library, "libnvidia-ml.so");
  GpuQuery query{
      .driver_root = driver_root, .driver = inventory.driver, .is_wsl = inventory.is_wsl};
  for (const DriverFile& file : inventory.files) {
    if (file.component == library && file.abi == Abi::native) query.nvml_library = file.path.str();
  }
  for (const Gpu& gpu : inventory.gpus) query.pci_addresses.push_back(gpu.pci);
  for (const MigDevice& device : inventory.mig_devices) {
    query.mig_devices.push_back("gpu" + std::to_string(device.gpu_minor) + "/gi" +
                                std::to_string(device.gpu_instance) + "/ci" +
                                std::to_string(device.compute_instance));
  }
  return query;
}

}  // namespace nvhook
