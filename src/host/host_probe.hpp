// SPDX-License-Identifier: Apache-2.0
// Reads the host: kernel driver, GPUs, driver files, device nodes. Asks no driver library.
#pragma once

#include "host/facts/host_view.hpp"
#include "host/facts/inventory.hpp"
#include "os/root_dir.hpp"
#include "request/request.hpp"

namespace nvhook {

/// Whether this is one of NVIDIA's systems on a chip (Tegra), whose integrated GPU is not a PCI
/// device and has another driver. False if it has a PCI display controller of NVIDIA as well.
[[nodiscard]] bool is_tegra(const RootDir& system);

/// Whether the kernel is one of WSL, of either version.
[[nodiscard]] bool is_wsl_kernel(const RootDir& system);

/// Reads what the kernel shows of the driver: version, GPUs and device nodes, but no user-space
/// files. Opens no GPU. Throws Error(driver_not_loaded) if there is no kernel driver, its version
/// is not that of a release, or it is a Tegra's.
[[nodiscard]] Inventory probe_kernel_driver(const HostView& host, const Request& request);

/// Reads the facts that `request` needs; files of capabilities that it does not name are not
/// searched. Opens no GPU and loads no library. Throws what probe_kernel_driver throws,
/// Error(driver_files_missing) if there is no libnvidia-ml, and Error(driver_version_mismatch) if
/// only other versions than the kernel driver's are there.
[[nodiscard]] Inventory probe_host(const HostView& host, const Request& request);

}  // namespace nvhook
