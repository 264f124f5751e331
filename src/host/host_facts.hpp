// SPDX-License-Identifier: Apache-2.0
// Everything about the host that a request depends on, and whether its requirements hold.
#pragma once

#include "config/config.hpp"
#include "host/facts/inventory.hpp"
#include "host/gpu/driver_details.hpp"
#include "os/log.hpp"
#include "os/root_dir.hpp"
#include "request/request.hpp"

namespace nvhook {

struct HostFacts {
  RootDir driver_root;
  Inventory inventory = {};
  /// Why the requirements hold.
  Notes requirements = {};
};

/// The configured driver root. Throws Error(driver_root_invalid).
[[nodiscard]] RootDir open_driver_root(const Config& config);

/// Whether GPUs and driver files may be those of an earlier reading, if nothing has changed since.
enum class CachePolicy { use, bypass };

/// Probes the host below `system` and the configured driver root, provides what is missing if
/// `load_kmods` allows it, asks NVML for what only it knows and the request needs, and checks the
/// requirements. Throws Error: those of probe_host, query_gpus and check_requirements, and
/// Error(driver_root_invalid).
[[nodiscard]] HostFacts read_host(const Request& request, const Config& config,
                                  const RootDir& system, Log& log,
                                  CachePolicy cache = CachePolicy::bypass);

/// Asks NVML about all GPUs, whatever the request, and fills in what `host` lacks. Throws as
/// query_gpus does.
[[nodiscard]] DriverDetails ask_about_gpus(HostFacts& host, const Config& config, Log& log);

}  // namespace nvhook
