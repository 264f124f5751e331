// SPDX-License-Identifier: Apache-2.0
// Reads the facts about the host that a request needs, and checks the request's requirements.
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
  /// One note for each requirement that holds, which says by which alternative.
  Notes requirements = {};
};

/// Opens the configured driver root. Throws Error(driver_root_invalid).
[[nodiscard]] RootDir open_driver_root(const Config& config);

/// Whether GPUs and driver files may come from the cache of an earlier reading (host/cache).
enum class CachePolicy { use, bypass };

/// Reads the host below `system` and the configured driver root. If `load_kmods` allows it, loads
/// missing modules and makes missing device nodes. Asks NVML for what only NVML knows and the
/// request needs, and checks the requirements. Throws what probe_host, query_gpus and
/// check_requirements throw, and Error(driver_root_invalid).
[[nodiscard]] HostFacts read_host(const Request& request, const Config& config,
                                  const RootDir& system, Log& log,
                                  CachePolicy cache = CachePolicy::bypass);

/// Asks NVML about all GPUs, whatever the request needs, and fills in what `host` lacks. Throws
/// what query_gpus throws.
[[nodiscard]] DriverDetails ask_about_gpus(HostFacts& host, const Config& config, Log& log);

}  // namespace nvhook
