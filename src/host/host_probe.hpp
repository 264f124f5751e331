// SPDX-License-Identifier: Apache-2.0
// Reads the host: kernel driver, GPUs, driver files, device nodes.
#pragma once

#include "host/facts/host_view.hpp"
#include "host/facts/inventory.hpp"
#include "os/root_dir.hpp"
#include "request/request.hpp"

namespace nvhook {

/// One of NVIDIA's systems on a chip, whose integrated GPU is no PCI device and has another driver.
[[nodiscard]] bool is_tegra(const RootDir& system);

/// What the kernel tells of the driver: version, GPUs, device nodes, and no user-space files. Opens
/// no GPU. Throws Error(driver_not_loaded), with the words `driver not loaded`, without a kernel
/// driver.
[[nodiscard]] Inventory probe_kernel_driver(const HostView& host, const Request& request);

/// The facts that `request` needs; files of capabilities that it does not name are not looked for.
/// Opens no GPU and loads no library. Throws as probe_kernel_driver does;
/// Error(driver_files_missing) without a libnvidia-ml; and Error(driver_version_mismatch) if only
/// other versions than the kernel driver's are there.
[[nodiscard]] Inventory probe_host(const HostView& host, const Request& request);

}  // namespace nvhook
