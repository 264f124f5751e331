// SPDX-License-Identifier: Apache-2.0
// One table has a row for each discovery.
#include "cdi/cdi_discovery.hpp"

#include <algorithm>
#include <array>

#include "text/error.hpp"

namespace nvhook {
namespace {

struct Row {
  CdiDiscovery discovery;
  std::string_view name;
  std::string_view vendor;
  std::string_view classname;
  /// What the host lacks if there is no device, and what brings it.
  const char* lacks;
  const char* remedy;
};

constexpr const char* kLoadDriver = "look with `oci-nvidia doctor` what the driver lacks";

// The vendor of management is the one for which NVIDIA's GPU Operator asks; the classes are those
// of NVIDIA's nvcdi.
constexpr std::array kRows{
    Row{CdiDiscovery::automatic, "auto", "nvidia.com", "gpu", "a GPU", kLoadDriver},
    Row{CdiDiscovery::nvml, "nvml", "nvidia.com", "gpu", "a GPU", kLoadDriver},
    Row{CdiDiscovery::wsl, "wsl", "nvidia.com", "gpu", "`/dev/dxg`", kLoadDriver},
    Row{CdiDiscovery::management, "management", "management.nvidia.com", "gpu",
        "a node `/dev/nvidia*`", kLoadDriver},
    Row{CdiDiscovery::imex, "imex", "nvidia.com", "imex-channel",
        "a channel in `/dev/nvidia-caps-imex-channels`",
        "load the module nvidia with IMEX support and make a channel's node: `nvidia-modprobe -i "
        "0`"},
    Row{CdiDiscovery::gds, "gds", "nvidia.com", "gds", "a node `/dev/nvidia-fs*`",
        "load the module nvidia-fs (package nvidia-gds)"},
    Row{CdiDiscovery::mofed, "mofed", "nvidia.com", "mofed", "a node `/dev/infiniband/uverbs*`",
        "load the module ib_uverbs, and the driver of the network adapter"},
    Row{CdiDiscovery::gdrcopy, "gdrcopy", "nvidia.com", "gdrcopy", "the node `/dev/gdrdrv`",
        "load the module gdrdrv (package gdrdrv-dkms)"},
    Row{CdiDiscovery::nvswitch, "nvswitch", "nvidia.com", "nvswitch",
        "a node `/dev/nvidia-nvswitch*`",
        "use a machine with NVSwitches whose driver is loaded; others need none"},
};

const Row& row_of(CdiDiscovery discovery) {
  return *std::find_if(kRows.begin(), kRows.end(),
                       [&](const Row& row) { return row.discovery == discovery; });
}

}  // namespace

std::string_view to_string(CdiDiscovery discovery) noexcept { return row_of(discovery).name; }

std::optional<CdiDiscovery> parse_cdi_discovery(std::string_view name) noexcept {
  const auto* const found =
      std::find_if(kRows.begin(), kRows.end(), [&](const Row& row) { return row.name == name; });
  if (found == kRows.end()) return std::nullopt;
  return found->discovery;
}

bool is_of_gpus(CdiDiscovery discovery) noexcept {
  return discovery == CdiDiscovery::automatic || discovery == CdiDiscovery::nvml ||
         discovery == CdiDiscovery::wsl;
}

std::string default_kind(CdiDiscovery discovery) {
  const Row& row = row_of(discovery);
  return std::string(row.vendor) + "/" + std::string(row.classname);
}

CdiDiscovery discovery_of_kind(std::string_view kind) {
  if (kind.starts_with("management.")) return CdiDiscovery::management;
  const std::string_view name = kind.substr(kind.find('/') + 1);
  const auto* const found = std::find_if(kRows.begin(), kRows.end(), [&](const Row& row) {
    return !is_of_gpus(row.discovery) && row.discovery != CdiDiscovery::management &&
           row.classname == name;
  });
  return found == kRows.end() ? CdiDiscovery::automatic : found->discovery;
}

Request request_for(CdiDiscovery discovery, CapabilitySet capabilities,
                    const std::vector<unsigned>& channels) {
  Request request{.devices = AllDevices{}, .capabilities = capabilities};
  if (is_of_gpus(discovery)) return request;
  if (discovery == CdiDiscovery::management) {
    request.mig_config = true;
    request.mig_monitor = true;
    return request;
  }
  // What these give is beside the driver: its files are in the specification of the GPUs.
  request.devices = NoDevices{};
  request.capabilities = {Capability::utility};
  request.imex_channels = channels;
  request.features = {.gds = discovery == CdiDiscovery::gds,
                      .mofed = discovery == CdiDiscovery::mofed,
                      .gdrcopy = discovery == CdiDiscovery::gdrcopy,
                      .nvswitch = discovery == CdiDiscovery::nvswitch};
  return request;
}

void refuse_empty(CdiDiscovery discovery) {
  const Row& row = row_of(discovery);
  throw Error(
      Code::device_node_missing,
      "discovery mode " + std::string(row.name) + " found nothing: this host lacks " + row.lacks,
      row.remedy);
}

}  // namespace nvhook
