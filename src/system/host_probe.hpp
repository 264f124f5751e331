// SPDX-License-Identifier: Apache-2.0
// Reads the host: kernel driver, GPUs, driver files, device nodes.
#pragma once

#include <string>

#include "core/capability.hpp"
#include "core/inventory.hpp"
#include "system/root_dir.hpp"

namespace nvhook {

struct HostView {
  const RootDir& system;                               ///< "/": /proc, /sys, /dev
  const RootDir& driver;                               ///< the driver root
  std::string loader_cache = "/etc/ld.so.cache";       ///< below the driver root
  std::string mps_pipe_directory = "/tmp/nvidia-mps";  ///< below the driver root
};

/// The facts that a request for `wanted` needs; files of other capabilities are not looked for.
/// Opens no GPU and loads no library. Throws Error(driver_not_loaded), with the words `driver not
/// loaded`, without a kernel driver; Error(driver_files_missing) without a libnvidia-ml; and
/// Error(driver_version_mismatch) if only other versions than the kernel driver's are there.
[[nodiscard]] Inventory probe_host(const HostView& host, CapabilitySet wanted);

}  // namespace nvhook
