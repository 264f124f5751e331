// SPDX-License-Identifier: Apache-2.0
// Derives what a container asks for from NVIDIA_VISIBLE_DEVICES, NVIDIA_DRIVER_CAPABILITIES,
// NVIDIA_REQUIRE_* and related variables.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/capability.hpp"
#include "config/config.hpp"
#include "oci/container_spec.hpp"
#include "request/device_selection.hpp"
#include "request/requirement.hpp"
#include "text/note.hpp"

namespace nvhook {

/// What the caller of nvidia-container-cli does itself or does not want (its options `--no-…`).
struct LeftOut {
  bool device_nodes = false;  ///< the nodes themselves; the device cgroup allows them nevertheless
  bool firmware = false;
  bool persistenced = false;    ///< the persistence daemon's socket
  bool fabric_manager = false;  ///< the fabric manager's socket

  friend bool operator==(const LeftOut&, const LeftOut&) = default;
};

struct Request {
  DeviceSelection devices = NoDevices{};
  /// Where the list comes from: "NVIDIA_VISIBLE_DEVICES", a swarm variable, "volume mounts",
  /// "CUDA_VERSION (legacy image)", or annotations.
  std::string devices_source = {};
  CapabilitySet capabilities = {};
  /// In the order of the names of the variables.
  std::vector<Requirement> requirements = {};
  /// NVIDIA_MIG_CONFIG_DEVICES=all, NVIDIA_MIG_MONITOR_DEVICES=all; both for a privileged container
  /// with management.nvidia.com/gpu=all.
  bool mig_config = false;
  bool mig_monitor = false;
  /// NVIDIA_IMEX_CHANNELS: in ascending order, without duplicates.
  std::vector<unsigned> imex_channels = {};
  /// nvidia.com/imex-channel=all: every channel whose node the host has.
  bool all_imex_channels = false;
  Features features = {};
  LeftOut left_out = {};
  /// As in WantedDevices: GPUs that are still to be chosen, and devices for this container alone.
  /// Only with `leases` in the configuration.
  unsigned free_gpus = 0;
  bool is_exclusive = false;

  friend bool operator==(const Request&, const Request&) = default;
};

/// Why a container has no request.
enum class NoRequest {
  unset,         ///< the variable is not set
  empty,         ///< it names no device
  is_void,       ///< it says `void`
  unprivileged,  ///< variables do not count here (accept-nvidia-visible-devices-…)
};

struct RequestResult {
  /// nullopt: not a GPU container, so nothing is done.
  std::optional<Request> request = {};
  /// The reason, if there is no request.
  NoRequest why_not = NoRequest::unset;
  /// As Request::devices_source, also if there is no request.
  std::string devices_source = {};
  /// Where the capabilities come from: a variable, the mode, or the default.
  std::string_view capabilities_source = {};
  /// For example that a request by environment was ignored because the container is unprivileged.
  Notes notes = {};
};

/// Throws Error(leases_off) if `request` is for free GPUs, or for devices for one container alone,
/// and the configuration does not allow that.
void require_leases(const Request& request, const Config& config);

/// Derives the request by the rules of docs/behaviour.md §2 (expectations: §2.12). Cheap for a
/// container that asks for nothing.
///
/// Throws Error(unknown_device) for a device by CDI that is none of NVIDIA's;
/// Error(config_invalid) for the mode `csv`; Error(unknown_capability); Error(privilege_required)
/// for MIG configuration without CAP_SYS_ADMIN; Error(invalid_request) for a MIG value other than
/// `all`, for a CUDA_VERSION that is not a version, and for an IMEX channel that is not a number
/// below 2^20.
[[nodiscard]] RequestResult derive_request(const ContainerSpec& spec, const Config& config);

/// Derives the request that completes a container to which a CDI specification of ours gave
/// devices. The devices are those whose nodes are in `linux_spec`, which the engine writes and no
/// image can change; only requirements are taken from the environment. Returns no request if
/// /dev/nvidiactl (on WSL2 /dev/dxg) is not among the nodes. Throws Error(invalid_request) for a
/// CUDA_VERSION that is not a version.
[[nodiscard]] RequestResult derive_cdi_request(const ContainerSpec& spec,
                                               const LinuxSpec& linux_spec,
                                               CapabilitySet capabilities, const Config& config);

}  // namespace nvhook
