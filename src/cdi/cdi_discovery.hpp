// SPDX-License-Identifier: Apache-2.0
// What a CDI specification is of: GPUs, or one of the other devices of NVIDIA's drivers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/capability.hpp"
#include "request/request.hpp"

namespace nvhook {

/// The modes of `nvidia-ctk cdi generate --mode` but csv, which is for Tegra.
enum class CdiDiscovery {
  automatic,   ///< `auto`: GPUs, on WSL2, too
  nvml,        ///< GPUs, not on WSL2
  wsl,         ///< GPUs of WSL2
  management,  ///< every node of the driver, for containers that administer GPUs
  imex,        ///< IMEX channels
  gds,         ///< GPUDirect Storage
  mofed,       ///< GPUDirect RDMA
  gdrcopy,     ///< GDRCopy
  nvswitch,    ///< NVSwitch management
};

/// All of them by their names, separated by `|`, as in the help.
inline constexpr const char* kCdiDiscoveries =
    "auto|nvml|wsl|management|imex|gds|mofed|gdrcopy|nvswitch";

[[nodiscard]] std::string_view to_string(CdiDiscovery discovery) noexcept;
[[nodiscard]] std::optional<CdiDiscovery> parse_cdi_discovery(std::string_view name) noexcept;

/// Whether the devices are GPUs and have their names.
[[nodiscard]] bool is_of_gpus(CdiDiscovery discovery) noexcept;

/// Returns the kind that the names have unless another is asked for: each discovery has its own, so
/// that no two specifications of a host define one name.
[[nodiscard]] std::string default_kind(CdiDiscovery discovery);

/// Returns the discovery whose default kind this is, whatever its vendor: `imex` for
/// `nvidia.com/imex-channel`; `automatic` for any other kind.
[[nodiscard]] CdiDiscovery discovery_of_kind(std::string_view kind);

/// Returns the request for which the host is to be read. `channels`: the IMEX channels.
[[nodiscard]] Request request_for(CdiDiscovery discovery, CapabilitySet capabilities,
                                  const std::vector<unsigned>& channels);

/// Throws Error(device_node_missing), which says what a host lacks on which the discovery found no
/// device.
[[noreturn]] void refuse_empty(CdiDiscovery discovery);

}  // namespace nvhook
