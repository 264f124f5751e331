// SPDX-License-Identifier: Apache-2.0
// Which GPUs and which further features a request has.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "oci/container_spec.hpp"

namespace nvhook {

/// `all`
struct AllDevices {
  friend bool operator==(const AllDevices&, const AllDevices&) = default;
};
/// `none`: the driver's files and control devices, but no GPU.
struct NoDevices {
  friend bool operator==(const NoDevices&, const NoDevices&) = default;
};
/// Indices, UUIDs, PCI addresses and MIG devices as written, but for the kind of a name by CDI; in
/// order, without duplicates.
using DeviceNames = std::vector<std::string>;
/// The nodes of GPUs and MIG devices that the engine gave the container (CDI). A MIG device counts
/// if all nodes are there that open it.
struct GrantedNodes {
  std::vector<SpecNode> nodes = {};

  friend bool operator==(const GrantedNodes&, const GrantedNodes&) = default;
};
using DeviceSelection = std::variant<AllDevices, NoDevices, DeviceNames, GrantedNodes>;

/// Further features that a container may ask for with `NVIDIA_…=enabled` (docs/behaviour.md §2.9)
/// or by their names by CDI (§2.3).
struct Features {
  bool gds = false;       ///< GPUDirect Storage
  bool mofed = false;     ///< GPUDirect RDMA by Mellanox' drivers
  bool gdrcopy = false;   ///< GDRCopy
  bool nvswitch = false;  ///< NVSwitch management

  friend bool operator==(const Features&, const Features&) = default;
};

/// Returns what either of the two has.
[[nodiscard]] constexpr Features operator|(const Features& a, const Features& b) noexcept {
  return {.gds = a.gds || b.gds,
          .mofed = a.mofed || b.mofed,
          .gdrcopy = a.gdrcopy || b.gdrcopy,
          .nvswitch = a.nvswitch || b.nvswitch};
}

}  // namespace nvhook
