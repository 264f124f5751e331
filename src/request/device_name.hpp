// SPDX-License-Identifier: Apache-2.0
// Parses the names by which a request selects a GPU or a MIG device.
#pragma once

#include <optional>
#include <string_view>

#include "text/pci_address.hpp"

namespace nvhook {

enum class DeviceNameKind {
  index,       ///< `0`
  gpu_uuid,    ///< `GPU-<uuid>`
  pci,         ///< `0000:3b:00.0`
  mig_index,   ///< `<gpu index>:<MIG index>`
  mig_uuid,    ///< `MIG-<uuid>`
  mig_legacy,  ///< `MIG-GPU-<uuid>/<GPU instance>/<compute instance>`, of drivers before 470
  other,
};

struct DeviceName {
  DeviceNameKind kind = DeviceNameKind::other;
  unsigned gpu_index = 0;         ///< index, mig_index
  unsigned mig_index = 0;         ///< mig_index
  std::string_view uuid = {};     ///< with its prefix: gpu_uuid, mig_uuid, mig_legacy (the GPU's)
  PciAddress pci = {};            ///< pci
  unsigned gpu_instance = 0;      ///< mig_legacy
  unsigned compute_instance = 0;  ///< mig_legacy
};

/// Returns the name in `nvidia.com/gpu=NAME`, which NVIDIA documents for its runtime, also with its
/// other vendors of GPUs (nvidia_kind): `all`, or a name as parse_device_name() takes it. `gpu0`
/// and `mig0:1`, which CDI specifications may have, become `0` and `0:1`. Any other word is
/// returned as it is. The result points into `word`.
[[nodiscard]] std::string_view without_cdi_kind(std::string_view word);

/// Parses a name (docs/behaviour.md §6.3). The result points into `text`, which must outlive it.
[[nodiscard]] DeviceName parse_device_name(std::string_view text);

/// GPUs by their indices, both ends included.
struct IndexRange {
  unsigned first = 0;
  unsigned last = 0;

  friend bool operator==(const IndexRange&, const IndexRange&) = default;
};

/// Parses `0-3`; nullopt if `text` is no range, or one of more GPUs than any host has.
[[nodiscard]] std::optional<IndexRange> parse_index_range(std::string_view text);

[[nodiscard]] constexpr bool is_mig(DeviceNameKind kind) {
  return kind == DeviceNameKind::mig_index || kind == DeviceNameKind::mig_uuid ||
         kind == DeviceNameKind::mig_legacy;
}

}  // namespace nvhook
