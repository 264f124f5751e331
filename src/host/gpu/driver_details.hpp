// SPDX-License-Identifier: Apache-2.0
// What only NVML knows about the driver and its GPUs, and the JSON document in which
// oci-nvidia-probe prints it.
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
  std::string uuid = {};  ///< `MIG-<uuid>`; before driver 470 `MIG-GPU-<uuid>/<gi>/<ci>`
  /// `1g.24gb+gfx`: the size, and what the device has besides; empty if NVML does not tell.
  std::string profile = {};

  friend bool operator==(const MigDetails&, const MigDetails&) = default;
};

struct GpuDetails {
  std::string pci = {};             ///< as in /proc/driver/nvidia/gpus: `0000:3b:00.0`
  std::string uuid = {};            ///< `GPU-…`
  Version compute_capability = {};  ///< 8.0
  /// In libnvidia-container's spelling (docs/behaviour.md §3.3): Nvidia, Tesla, …
  std::string brand = {};
  std::vector<MigDetails> mig = {};  ///< in index order; empty unless the GPU is in MIG mode

  friend bool operator==(const GpuDetails&, const GpuDetails&) = default;
};

struct DriverDetails {
  Version driver = {};  ///< version of the kernel driver; empty if NVML does not report it
  Version cuda = {};
  std::vector<GpuDetails> gpus = {};
  /// One text for each GPU that is missing in `gpus`, or has no MIG devices there, because the
  /// driver could not describe it.
  std::vector<std::string> errors = {};
  bool from_cache = false;  ///< taken from the cache
  Notes notes = {};         ///< that NVML was asked (milliseconds), or the cache was used

  friend bool operator==(const DriverDetails&, const DriverDetails&) = default;
};

/// Limit of GPUs in one document, and of errors (at most one for each GPU). The driver itself
/// supports 64 GPUs.
inline constexpr unsigned kMaxGpus = 256;
/// Limit of MIG devices of one GPU. A GPU has at most 7 or 8; the document (1 MiB) has room for 64
/// GPUs with this many.
inline constexpr unsigned kMaxMigDevices = 64;

/// Parses the JSON document of oci-nvidia-probe. Returns nullopt for anything else: the document
/// comes from a process that ran the driver's code, so every field and every length is checked.
/// `notes` stays empty.
[[nodiscard]] std::optional<DriverDetails> parse_driver_details(std::string_view json);
/// Returns `details` without its notes as JSON. Error texts are made printable and cut to what
/// parse_driver_details accepts.
[[nodiscard]] std::string to_json(const DriverDetails& details);

/// Returns `details` as a JSON document with `key`, which says when and about what NVML was asked.
[[nodiscard]] std::string to_cache_document(const DriverDetails& details, std::string_view key);
/// Returns the details of such a document if it is complete and its key is `key`, else nullopt.
[[nodiscard]] std::optional<DriverDetails> parse_cache_document(std::string_view json,
                                                                std::string_view key);

/// Returns the MIG devices of `inventory` with the index and UUID that `details` has for them. They
/// match by PCI address of the GPU and by both instances.
[[nodiscard]] std::vector<MigDevice> name_mig_devices(const Inventory& inventory,
                                                      const DriverDetails& details);

// NVML's numbers in the spelling of this program (docs/behaviour.md §3.3).

/// 12020 → 12.2. A negative number gives version 0.
[[nodiscard]] Version cuda_version_from_nvml(int version);
/// `Nvidia` for 14; `Unknown` for a value that is not in the table.
[[nodiscard]] std::string brand_from_nvml(unsigned brand);
/// `1g.24gb+gfx` for a MIG device named `NVIDIA RTX PRO 6000 MIG 1g.24gb+gfx`; empty for a name
/// without a profile.
[[nodiscard]] std::string mig_profile_from_nvml(std::string_view name);
/// `0000:3b:00.0`, the name of the GPU's directory below /proc/driver/nvidia/gpus.
[[nodiscard]] std::string pci_address_from_nvml(unsigned domain, unsigned bus, unsigned device);

}  // namespace nvhook
