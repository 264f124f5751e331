// SPDX-License-Identifier: Apache-2.0
// Parsers of the /proc files that describe the driver, its GPUs and its device numbers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/facts/inventory.hpp"
#include "text/version.hpp"

namespace nvhook {

/// Returns the version in the first line of /proc/driver/nvidia/version, for example of
/// `NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue …` or
/// `… Open Kernel Module for x86_64  570.124.06  Release Build …`.
[[nodiscard]] std::optional<Version> parse_driver_version(std::string_view text);

/// Returns the word of that line that begins as a version does, for example `580.95.05-custom.16`
/// of a private build; empty if there is none.
[[nodiscard]] std::string_view find_build_version(std::string_view text);

/// Parses /proc/driver/nvidia/gpus/<pci>/information. Returns nullopt if it has no device minor.
/// `index` stays 0.
[[nodiscard]] std::optional<Gpu> parse_gpu_information(std::string_view text, std::string_view pci);

/// Returns the major number of the character device class called exactly `name` in /proc/devices.
/// The section ends at the blank line, as the kernel writes it.
[[nodiscard]] std::optional<unsigned> find_character_major(std::string_view devices,
                                                           std::string_view name);

/// Returns `DeviceFileMinor:` of a file below /proc/driver/nvidia/capabilities.
[[nodiscard]] std::optional<unsigned> parse_device_file_minor(std::string_view text);

/// Parses /proc/driver/nvidia-caps/mig-minors, which has lines such as `gpu0/gi1/access 12`,
/// `gpu0/gi1/ci0/access 13`, `config 1` and `monitor 2`. Other lines are ignored.
[[nodiscard]] std::vector<MigCapability> parse_mig_minors(std::string_view text);

/// Returns the text of /proc/driver/nvidia/params with `ModifyDeviceFiles: 0`, so that the driver's
/// user space leaves device files alone.
[[nodiscard]] std::string forbid_device_file_changes(std::string_view params);

/// Returns the CUDA version of the branch of `driver` (docs/behaviour.md §13), or nullopt if the
/// branch is not in the table; then only NVML knows it.
[[nodiscard]] std::optional<Version> cuda_version_of(const Version& driver);

/// Returns the CUDA version of the latest branch in the table that is not later than that of
/// `driver`, or nullopt if all are later. No driver provides less than an earlier one, so that a
/// branch that this release does not know can be judged without NVML.
[[nodiscard]] std::optional<Version> least_cuda_version_of(const Version& driver);

/// Minor numbers of /dev/nvidiactl and /dev/nvidia-modeset.
inline constexpr unsigned kControlMinor = 255;
inline constexpr unsigned kModesetMinor = 254;

/// Returns the major number of /dev/nvidiactl, /dev/nvidia-modeset and the GPUs: that of the class
/// `nvidia`, which was called nvidia-frontend before driver 550. If neither is in /proc/devices,
/// 195, which the kernel's devices.txt assigns to NVIDIA.
[[nodiscard]] unsigned find_driver_major(std::string_view devices);

/// Owner and mode that the driver wants for a device file. The defaults are the driver's own.
struct DeviceFileSettings {
  unsigned uid = 0;
  unsigned gid = 0;
  unsigned mode = 0666;
  /// False: the administrator makes the file, and nobody else may.
  bool modify = true;

  friend bool operator==(const DeviceFileSettings&, const DeviceFileSettings&) = default;
};
/// Reads `DeviceFileUID`, `DeviceFileGID`, `DeviceFileMode` (decimal as well) and
/// `ModifyDeviceFiles` of /proc/driver/nvidia/params, or `DeviceFileModify` of a file below
/// /proc/driver/nvidia/capabilities (docs/behaviour.md §6.2). After an invalid value `modify` is
/// false.
[[nodiscard]] DeviceFileSettings parse_device_file_settings(std::string_view text);

}  // namespace nvhook
