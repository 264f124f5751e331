// SPDX-License-Identifier: Apache-2.0
// Plans as a CDI specification: what every engine that knows CDI can do by itself, and a hook for
// the rest.
//
// Common to all devices of the specification are the control devices, the driver's files, the hook
// and NVIDIA_VISIBLE_DEVICES=void, by which hooks that read that variable, ours and NVIDIA's, stay
// out; to each device belong its own nodes. The hook (`-cdi=<capabilities>`) makes the plan once
// more for the image that is there, for the devices whose nodes the engine put into config.json,
// and does what is left of it: loader cache, links, /proc/driver/nvidia, sockets.
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
  full,  ///< device nodes and files: a container has the driver also where no hook runs
  thin,  ///< device nodes alone; the hook mounts the files that there are when it starts
};

/// How GPUs and MIG devices are called; `all` is always there.
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
  std::string config_file = {};  ///< for the hook; empty: the usual ones
};

/// A name of a device and what it stands for.
struct CdiName {
  std::string name = {};
  DeviceSelection selection = {};
};

/// In the order of GPUs, each followed by its MIG devices; then `all`. What has no index or no UUID
/// that is known has no such name.
[[nodiscard]] std::vector<CdiName> cdi_names(const Inventory& inventory, CdiNaming naming);

/// The specification for `inventory`. `layout` says where libraries go: for the images of the
/// host's own distribution; for others the hook mounts them once more, where their loader looks.
/// Device nodes have no numbers, so that those count that they have when a container starts.
/// Throws as make_plan does, and Error(unknown_device) where there is no GPU.
[[nodiscard]] CdiSpec to_cdi(const Inventory& inventory, const ContainerFacts& layout,
                             const Config& config, const CdiOptions& options);

}  // namespace nvhook
