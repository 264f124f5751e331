// SPDX-License-Identifier: Apache-2.0
// What only NVML knows about the driver and its GPUs, and the document in which oci-nvidia-probe
// says it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/facts/inventory.hpp"
#include "text/note.hpp"
#include "text/version.hpp"

namespace nvhook {

/// A MIG device as NVML lists it.
struct MigDetails {
  unsigned index = 0;  ///< its number on the GPU
  unsigned gpu_instance = 0;
  unsigned compute_instance = 0;
  std::string uuid = {};  ///< `MIG-<uuid>`; of drivers before 470 `MIG-GPU-<uuid>/<gi>/<ci>`

  friend bool operator==(const MigDetails&, const MigDetails&) = default;
};

struct GpuDetails {
  std::string pci = {};             ///< as in /proc/driver/nvidia/gpus: `0000:3b:00.0`
  std::string uuid = {};            ///< `GPU-…`
  Version compute_capability = {};  ///< 8.0
  std::string brand = {};  ///< libnvidia-container's spelling (behaviour.md §3.3): Nvidia, Tesla, …
  std::vector<MigDetails> mig = {};  ///< in index order; empty unless the GPU is in MIG mode

  friend bool operator==(const GpuDetails&, const GpuDetails&) = default;
};

struct DriverDetails {
  Version driver = {};  ///< version of the kernel driver; empty if NVML does not tell
  Version cuda = {};
  std::vector<GpuDetails> gpus = {};
  /// One text per GPU that is missing in `gpus`, or lacks MIG devices there, because the driver
  /// could not tell about it.
  std::vector<std::string> errors = {};
  bool from_cache = false;  ///< an earlier answer
  Notes notes = {};         ///< asked NVML (milliseconds), or taken from the cache

  friend bool operator==(const DriverDetails&, const DriverDetails&) = default;
};

/// GPUs in one document, and errors, of which there is at most one per GPU. The driver itself has
/// room for 64 GPUs.
inline constexpr unsigned kMaxGpus = 256;
/// MIG devices of one GPU. GPUs have room for 7 or 8; the document (1 MiB) has room for 64 GPUs
/// with this many.
inline constexpr unsigned kMaxMigDevices = 64;

/// The one JSON document that oci-nvidia-probe prints. Nothing for anything else: it comes from a
/// process that ran the driver's code, so every field and every length is checked. `notes` stays
/// empty.
[[nodiscard]] std::optional<DriverDetails> parse_driver_details(std::string_view json);
/// `details` without its notes. Error texts are made printable and cut to what parse_driver_details
/// takes.
[[nodiscard]] std::string to_json(const DriverDetails& details);

/// `details` with `key`, which says about what and when they were asked, as one JSON document.
[[nodiscard]] std::string to_cache_document(const DriverDetails& details, std::string_view key);
/// The details of such a document if it is whole and its key is `key`.
[[nodiscard]] std::optional<DriverDetails> parse_cache_document(std::string_view json,
                                                                std::string_view key);

/// The MIG devices of `inventory`, with the index and the UUID of those that `details` tells of:
/// the same instances of the GPU at the same PCI address.
[[nodiscard]] std::vector<MigDevice> name_mig_devices(const Inventory& inventory,
                                                      const DriverDetails& details);

// NVML's numbers as the rest of the program spells them (behaviour.md §3.3).

/// 12020 → 12.2. A negative number is no version: 0.
[[nodiscard]] Version cuda_version_from_nvml(int version);
/// `Nvidia` for 14; `Unknown` for what is not in the table.
[[nodiscard]] std::string brand_from_nvml(unsigned brand);
/// `0000:3b:00.0`, the name of the GPU's directory below /proc/driver/nvidia/gpus.
[[nodiscard]] std::string pci_address_from_nvml(unsigned domain, unsigned bus, unsigned device);

}  // namespace nvhook
