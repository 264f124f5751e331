// SPDX-License-Identifier: Apache-2.0
// Of which driver and GPUs the probe is asked, and how.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "os/run_directory.hpp"
#include "text/version.hpp"

namespace nvhook {

struct GpuQuery {
  std::string driver_root = "/";
  std::string nvml_library = {};  ///< path of libnvidia-ml.so.<version> below the driver root
  Version driver = {};
  /// Of all GPUs, in index order; part of the cache's key.
  std::vector<std::string> pci_addresses = {};
  /// Of all MIG devices, `gpu<minor>/gi<id>/ci<id>`; part of the cache's key.
  std::vector<std::string> mig_devices = {};
  /// What was cached is not good enough.
  bool bypass_cache = false;
  std::chrono::milliseconds deadline{10'000};
  /// Made if it is missing; where it is not root's alone, nothing is cached.
  std::string cache_directory = kRunDirectory;
  /// Path of oci-nvidia-probe; empty: beside this executable, in its libexec directory, or where it
  /// was installed.
  std::string probe = {};
};

}  // namespace nvhook
