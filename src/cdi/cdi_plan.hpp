// SPDX-License-Identifier: Apache-2.0
// Makes a CDI specification from plans: engines that support CDI do what it can express, and hooks
// do the rest.
//
// Common to all devices of a specification of GPUs are the control devices, the driver's files, the
// hooks and NVIDIA_VISIBLE_DEVICES=void, which keeps away hooks that read that variable (ours and
// NVIDIA's). Each device has its own nodes. Our hook (`-cdi=<capabilities>`) makes the plan again
// for the actual image and the devices whose nodes the engine put into config.json, and does what
// is left of it: loader cache, links, /proc/driver/nvidia, sockets. NVIDIA's calls do only what
// their arguments say, so that then every file is in the specification.
#pragma once

#include <string>
#include <vector>

#include "cdi/cdi_discovery.hpp"
#include "cdi/cdi_hooks.hpp"
#include "cdi/cdi_names.hpp"
#include "cdi/cdi_spec.hpp"
#include "config/config.hpp"
#include "host/facts/inventory.hpp"
#include "image/container_facts.hpp"
#include "request/request.hpp"

namespace nvhook {

enum class CdiMode {
  full,  ///< device nodes and files: a container has them even where no hook runs
  thin,  ///< device nodes only; the hook mounts the files that exist when it starts
};

struct CdiOptions {
  CdiMode mode = CdiMode::full;
  CdiDiscovery discovery = CdiDiscovery::automatic;
  CdiNaming naming = {};
  CdiWanted wanted = {};
  std::string kind = "nvidia.com/gpu";
  CapabilitySet capabilities = CapabilitySet::all();
  std::string hook = {};  ///< path; its file name decides whether the calls are NVIDIA's
  HookSwitches switches = {};
  std::string config_file = {};  ///< for our hook; empty: the default
  bool allow_in_builds = false;  ///< every build of BuildKit may use the devices
  bool groups = true;            ///< whether to name the groups of nodes that only these may open
  /// Where engines find /dev, if not where this host has its nodes; empty: there.
  std::string dev_root = {};
  std::vector<DeviceNode> management_nodes = {};  ///< for management
  std::vector<unsigned> imex_channels = {};       ///< for imex
};

/// Returns the specification for `inventory`, which was read for request_for(). `layout` has the
/// library directories of the host's own distribution; for images of others our hook mounts the
/// libraries again, where their loader looks. Device nodes have no numbers, so that engines take
/// the numbers at the container's start. Throws what make_plan and cdi_names throw,
/// Error(unknown_device) if there is no GPU or no name, and as refuse_empty() if the discovery
/// finds no device.
[[nodiscard]] CdiSpec to_cdi(const Inventory& inventory, const ContainerFacts& layout,
                             const Config& config, const CdiOptions& options);

}  // namespace nvhook
