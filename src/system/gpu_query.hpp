// SPDX-License-Identifier: Apache-2.0
// Facts that /proc does not tell (compute capability, brand, names of MIG devices, CUDA version of
// an unknown branch), asked of NVML in a child.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "core/driver_details.hpp"
#include "core/version.hpp"
#include "system/run_directory.hpp"

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
  bool ask_anew = false;
  std::chrono::milliseconds deadline{10'000};
  /// Made if it is missing; where it is not root's alone, nothing is cached.
  std::string cache_directory = kRunDirectory;
  /// Path of oci-nvidia-probe; empty: beside this executable, in its libexec directory, or where it
  /// was installed.
  std::string probe = {};
};

/// Answers from the cache below /run/oci-nvidia-hook if it was written by root for this boot, this
/// driver, these GPUs and these MIG devices; otherwise runs `oci-nvidia-probe` with a fixed
/// environment, as a user of its own, and caches what it says. Throws Error(probe_failed) if the
/// probe is missing, dies, is silent past the deadline or says something else than it should, and
/// Error(driver_files_missing) if there is no NVML library to ask.
[[nodiscard]] DriverDetails query_gpus(const GpuQuery& query);

}  // namespace nvhook
