// SPDX-License-Identifier: Apache-2.0
// How much of its memory and time each GPU gives to whom, and the JSON document in which
// oci-nvidia-probe prints it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/gpu/driver_details.hpp"

namespace nvhook {

/// A process that NVML knows as a user of a GPU; of what NVML does not tell there is nothing.
struct ProcessUsage {
  unsigned pid = 0;                          ///< as the process that asked sees it
  std::optional<std::uint64_t> memory = {};  ///< bytes on the GPU
  std::optional<unsigned> busy = {};         ///< percent of the time, lately

  friend bool operator==(const ProcessUsage&, const ProcessUsage&) = default;
};

/// Of a GPU or a MIG device.
struct DeviceUsage {
  std::string pci = {};  ///< of the GPU: `0000:3b:00.0`
  struct Instance {
    unsigned gpu = 0;
    unsigned compute = 0;
    friend bool operator==(const Instance&, const Instance&) = default;
  };
  std::optional<Instance> mig = {};
  std::optional<std::uint64_t> memory_used = {};  ///< bytes
  std::optional<std::uint64_t> memory_total = {};
  std::optional<unsigned> busy = {};  ///< percent of the time in which it computed, lately
  /// By number; those of a GPU's MIG devices are at the GPU.
  std::vector<ProcessUsage> processes = {};

  friend bool operator==(const DeviceUsage&, const DeviceUsage&) = default;
};

struct GpuUsage {
  std::vector<DeviceUsage> devices = {};
  /// One text for each device that did not answer.
  std::vector<std::string> errors = {};

  friend bool operator==(const GpuUsage&, const GpuUsage&) = default;
};

/// Limit of processes of one GPU in the document.
inline constexpr unsigned kMaxGpuProcesses = 4096;

/// Parses the document; nullopt for anything else. It comes from a process that ran the driver's
/// code, so every field and every length is checked.
[[nodiscard]] std::optional<GpuUsage> parse_gpu_usage(std::string_view json);
/// Returns the document. Errors are made printable and cut to what parse_gpu_usage accepts.
[[nodiscard]] std::string to_json(const GpuUsage& usage);

}  // namespace nvhook
