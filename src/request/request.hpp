// SPDX-License-Identifier: Apache-2.0
// What a container asks for: NVIDIA_VISIBLE_DEVICES, NVIDIA_DRIVER_CAPABILITIES, NVIDIA_REQUIRE_*
// and their kin.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/capability.hpp"
#include "config/config.hpp"
#include "oci/container_spec.hpp"
#include "request/requirement.hpp"
#include "text/note.hpp"

namespace nvhook {

/// `all`
struct AllDevices {
  friend bool operator==(const AllDevices&, const AllDevices&) = default;
};
/// `none`: the driver's files and control devices, but no GPU.
struct NoDevices {
  friend bool operator==(const NoDevices&, const NoDevices&) = default;
};
/// Indices, UUIDs, PCI addresses, MIG devices as written: in order, each once.
using DeviceNames = std::vector<std::string>;
/// The GPUs and MIG devices whose nodes the container's engine has given it (CDI): of a MIG device
/// all nodes that open it.
struct GrantedNodes {
  std::vector<SpecNode> nodes = {};

  friend bool operator==(const GrantedNodes&, const GrantedNodes&) = default;
};
using DeviceSelection = std::variant<AllDevices, NoDevices, DeviceNames, GrantedNodes>;

/// What else a container may ask for with `NVIDIA_…=enabled` (behaviour.md §2.9).
struct Features {
  bool gds = false;       ///< GPUDirect Storage
  bool mofed = false;     ///< GPUDirect RDMA by Mellanox' drivers
  bool gdrcopy = false;   ///< GDRCopy
  bool nvswitch = false;  ///< NVSwitch management

  friend bool operator==(const Features&, const Features&) = default;
};

/// What a caller of nvidia-container-cli sees to itself, or does without (its options `--no-…`).
struct LeftOut {
  bool device_nodes = false;  ///< the nodes themselves; the device cgroup allows them all the same
  bool firmware = false;
  bool persistenced = false;    ///< the persistence daemon's socket
  bool fabric_manager = false;  ///< the fabric manager's socket

  friend bool operator==(const LeftOut&, const LeftOut&) = default;
};

struct Request {
  DeviceSelection devices = NoDevices{};
  /// Where the list came from: "NVIDIA_VISIBLE_DEVICES", a swarm variable, "volume mounts",
  /// "CUDA_VERSION (legacy image)".
  std::string devices_source = {};
  CapabilitySet capabilities = {};
  /// In the order of the variables' names.
  std::vector<Requirement> requirements = {};
  /// NVIDIA_MIG_CONFIG_DEVICES=all, NVIDIA_MIG_MONITOR_DEVICES=all.
  bool mig_config = false;
  bool mig_monitor = false;
  /// NVIDIA_IMEX_CHANNELS: in ascending order, each once.
  std::vector<unsigned> imex_channels = {};
  Features features = {};
  LeftOut left_out = {};

  friend bool operator==(const Request&, const Request&) = default;
};

/// Why a container has no request.
enum class NoRequest {
  unset,         ///< the variable is not there
  empty,         ///< it names no device
  is_void,       ///< it says `void`
  unprivileged,  ///< variables of such a container do not count (accept-nvidia-visible-devices-…)
};

struct RequestResult {
  /// Absent: not a GPU container; nothing is to be done.
  std::optional<Request> request = {};
  /// Without a request: why.
  NoRequest why_not = NoRequest::unset;
  /// Request::devices_source, also without a request: what was looked at.
  std::string devices_source = {};
  /// What the capabilities come from: a variable, or what counts without it.
  std::string_view capabilities_source = {};
  /// E.g. that a request by environment was ignored because the container is unprivileged.
  Notes notes = {};
};

/// An IMEX channel's number, below 2^20; `source` is where `text` was written. Throws
/// Error(invalid_request).
[[nodiscard]] unsigned parse_imex_channel(std::string_view text, const std::string& source);

/// The rules of behaviour.md §2 (expectation table: §2.12). A container that asks for nothing costs
/// no more than this call. Throws Error(unknown_capability), Error(privilege_required) for MIG
/// configuration without CAP_SYS_ADMIN, Error(invalid_request) for a MIG value other than `all`,
/// for a CUDA_VERSION that is no version and for an IMEX channel that is no number below 2^20.
[[nodiscard]] RequestResult derive_request(const ContainerSpec& spec, const Config& config);

/// What completes a container that a CDI specification of ours gave its devices: the devices are
/// those whose nodes are in `linux_spec`, which the engine writes and no image can; the
/// environment is asked for requirements alone. No request where /dev/nvidiactl (on WSL2 /dev/dxg)
/// is not among them. Throws Error(invalid_request) for a CUDA_VERSION that is no version.
[[nodiscard]] RequestResult derive_cdi_request(const ContainerSpec& spec,
                                               const LinuxSpec& linux_spec,
                                               CapabilitySet capabilities, const Config& config);

}  // namespace nvhook
