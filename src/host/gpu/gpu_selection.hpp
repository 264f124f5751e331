// SPDX-License-Identifier: Apache-2.0
// Which of the host's GPUs and MIG devices a device selection names.
#pragma once

#include <string>
#include <vector>

#include "host/facts/inventory.hpp"
#include "request/request.hpp"

namespace nvhook {

/// In index order, each once.
struct SelectedDevices {
  std::vector<Gpu> gpus = {};
  std::vector<MigDevice> mig_devices = {};

  friend bool operator==(const SelectedDevices&, const SelectedDevices&) = default;
};

/// Returns what `selection` names. A name is a GPU's index, UUID (any case, never shortened) or PCI
/// address `[0000]0000:3b:00.0`, or a MIG device's `<gpu>:<index>`, `MIG-<uuid>` or
/// `MIG-GPU-<uuid>/<gi>/<ci>`, which selects its GPU as well (docs/behaviour.md §6.3). A GPU's own
/// name selects none of its MIG devices; all GPUs select all of them. Throws Error(unknown_device),
/// with the words `unknown device`, the name, and the devices of this host; and
/// Error(device_node_wrong) if a granted node has the path of a GPU's or MIG device's node but
/// another number.
[[nodiscard]] SelectedDevices select_devices(const DeviceSelection& selection,
                                             const Inventory& inventory);

/// `MIG 1 (MIG-…, GPU instance 2, compute instance 0)`, without what is unknown.
[[nodiscard]] std::string to_string(const MigDevice& device);

/// Whether `selection` names a UUID of a GPU that is none of those that /proc shows, while it does
/// not show all, so that NVML must be asked.
[[nodiscard]] bool needs_unknown_uuid(const DeviceSelection& selection,
                                      const std::vector<Gpu>& gpus);

/// Whether `selection` names a MIG device by what only NVML knows, `<gpu>:<index>` or `MIG-<uuid>`,
/// and a device that it could be has no such name yet. Always false on a host without MIG devices.
[[nodiscard]] bool needs_mig_names(const DeviceSelection& selection, const Inventory& inventory);

/// Whether `gpu` is among `selected` for MIG devices on it.
[[nodiscard]] bool is_for_mig(const SelectedDevices& selected, const Gpu& gpu);

/// Whether one of `selected` is a MIG device of which NVML was not asked, on a GPU that has nodes
/// of role drm: its profile decides whether it gets them.
[[nodiscard]] bool needs_mig_profiles(const SelectedDevices& selected, const Inventory& inventory);

}  // namespace nvhook
