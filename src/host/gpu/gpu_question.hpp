// SPDX-License-Identifier: Apache-2.0
// What the probe is asked about, and how.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "host/facts/inventory.hpp"
#include "os/run_directory.hpp"
#include "text/version.hpp"

namespace nvhook {

struct GpuQuery {
  std::string driver_root = "/";
  std::string nvml_library = {};  ///< path of libnvidia-ml.so.<version> below the driver root
  Version driver = {};
  bool is_wsl = false;  ///< the driver is Windows', so that remedies are others
  /// Of all GPUs, in index order; part of the cache's key.
  std::vector<std::string> pci_addresses = {};
  /// Of all MIG devices, `gpu<minor>/gi<id>/ci<id>`; part of the cache's key.
  std::vector<std::string> mig_devices = {};
  /// Ask the probe even if an answer is cached.
  bool bypass_cache = false;
  std::chrono::milliseconds deadline{10'000};
  /// Made if it is missing. If others than root can write it, nothing is cached.
  std::string cache_directory = kRunDirectory;
  /// Path of oci-nvidia-probe. If empty, it is searched beside this executable, in its libexec
  /// directory, and where it was installed.
  std::string probe = {};
};

/// Returns the question about the driver of `inventory`, which must have its files. `driver_root`
/// is the directory below which they are.
[[nodiscard]] GpuQuery gpu_question(const Inventory& inventory, const std::string& driver_root);

}  // namespace nvhook
