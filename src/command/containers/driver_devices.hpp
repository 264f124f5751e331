// SPDX-License-Identifier: Apache-2.0
// The driver's device numbers, and which GPUs and MIG devices they lead to.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"

namespace nvhook {

/// A GPU, or a MIG device of one.
struct HostDevice {
  /// As a container asks for it: `0`, `0:1`; for a MIG device whose index only NVML knows,
  /// `0:gi7/ci0`.
  std::string name = {};
  unsigned gpu = 0;  ///< index of the GPU
  std::string uuid = {};
  std::string model = {};
  std::string pci = {};
  bool is_mig = false;
  // Of a MIG device.
  unsigned gpu_instance = 0;
  unsigned compute_instance = 0;

  friend bool operator==(const HostDevice&, const HostDevice&) = default;
};

class DriverDevices {
 public:
  explicit DriverDevices(const Inventory& inventory);

  /// The GPUs in index order, each followed by its MIG devices. Other functions return positions in
  /// this list.
  [[nodiscard]] const std::vector<HostDevice>& devices() const noexcept { return devices_; }

  /// The nodes of GPUs and MIG devices on the host, by number.
  [[nodiscard]] const std::map<DeviceNumber, std::string>& device_nodes() const noexcept {
    return device_nodes_;
  }

  /// Whether `number` is a node of the driver, also one that leads to no single GPU
  /// (/dev/nvidiactl, /dev/nvidia-uvm).
  [[nodiscard]] bool contains(DeviceNumber number) const { return all_.contains(number); }

  /// Returns the devices that the nodes with these numbers lead to. Of a GPU in MIG mode, whose own
  /// node is open as well, these are the MIG devices whose nodes are there, if any is.
  [[nodiscard]] std::vector<std::size_t> behind(const std::set<DeviceNumber>& numbers) const;

 private:
  /// The numbers of one device. A MIG device has a node of its own (`access`), and shares that of
  /// its GPU instance with others.
  struct Nodes {
    std::set<DeviceNumber> access = {};
    std::set<DeviceNumber> shared = {};
  };

  void add_gpu(const Gpu& gpu, const Inventory& inventory);
  void add_mig_device(const MigDevice& device, const Gpu& gpu, const Inventory& inventory);
  [[nodiscard]] bool leads_to(std::size_t mig, const std::set<DeviceNumber>& numbers) const;

  std::vector<HostDevice> devices_ = {};
  std::vector<Nodes> nodes_ = {};  // of devices_, in the same order
  std::map<DeviceNumber, std::string> device_nodes_ = {};
  std::set<DeviceNumber> all_ = {};
};

}  // namespace nvhook
