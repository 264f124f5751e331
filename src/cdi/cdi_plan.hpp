// SPDX-License-Identifier: Apache-2.0
// Makes a CDI specification from plans: engines that support CDI do what it can express, and a hook
// does the rest.
//
// Common to all devices of the specification are the control devices, the driver's files, the hook
// and NVIDIA_VISIBLE_DEVICES=void, which keeps away hooks that read that variable (ours and
// NVIDIA's). Each device has its own nodes. The hook (`-cdi=<capabilities>`) makes the plan again
// for the actual image and the devices whose nodes the engine put into config.json, and does what
// is left of it: loader cache, links, /proc/driver/nvidia, sockets.
#pragma once

#include <string>
#include <vector>

#include "cdi/cdi_spec.hpp"
#include "config/config.hpp"
#include "host/facts/inventory.hpp"
#include "image/container_facts.hpp"
#include "request/request.hpp"

namespace nvhook {

enum class CdiMode {
  full,  ///< device nodes and files: a container has the driver even where no hook runs
  thin,  ///< device nodes only; the hook mounts the files that exist when it starts
};

/// How GPUs and MIG devices are named; `all` always exists.
struct CdiNaming {
  bool by_index = true;  ///< `0`, MIG `0:1`
  bool by_uuid = true;   ///< `GPU-…`, `MIG-…`
};

struct CdiOptions {
  CdiMode mode = CdiMode::full;
  CdiNaming naming = {};
  std::string kind = "nvidia.com/gpu";
  CapabilitySet capabilities = CapabilitySet::all();
  std::string hook = {};         ///< path of oci-nvidia-hook
  std::string config_file = {};  ///< for the hook; empty: the default
  bool allow_in_builds = false;  ///< every build of BuildKit may use the devices
};

/// A device name and what it means.
struct CdiName {
  std::string name = {};
  DeviceSelection selection = {};
};

/// Returns the names in the order of GPUs, each followed by its MIG devices; then `all`. A device
/// whose index or UUID is unknown has no such name.
[[nodiscard]] std::vector<CdiName> cdi_names(const Inventory& inventory, CdiNaming naming);

/// Returns the specification for `inventory`. `layout` has the library directories of the host's
/// own distribution; for images of others the hook mounts the libraries again, where their loader
/// looks. Device nodes have no numbers, so that engines take the numbers at the container's start.
/// Throws what make_plan throws, and Error(unknown_device) if there is no GPU.
[[nodiscard]] CdiSpec to_cdi(const Inventory& inventory, const ContainerFacts& layout,
                             const Config& config, const CdiOptions& options);

}  // namespace nvhook
