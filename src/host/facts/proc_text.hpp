// SPDX-License-Identifier: Apache-2.0
// Texts of /proc that name the driver, its GPUs and its device numbers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/facts/inventory.hpp"
#include "text/version.hpp"

namespace nvhook {

/// The version in the first line of /proc/driver/nvidia/version: `NVRM version: NVIDIA UNIX x86_64
/// Kernel Module 550.54.15  Tue …` or `… Open Kernel Module for x86_64  570.124.06  Release Build
/// …`.
[[nodiscard]] std::optional<Version> parse_driver_version(std::string_view text);

/// /proc/driver/nvidia/gpus/<pci>/information. Nothing if it names no device minor. `index` stays
/// 0.
[[nodiscard]] std::optional<Gpu> parse_gpu_information(std::string_view text, std::string_view pci);

/// The major number of the character device class called exactly `name` in /proc/devices. The
/// section ends at the blank line, as the kernel writes it.
[[nodiscard]] std::optional<unsigned> find_character_major(std::string_view devices,
                                                           std::string_view name);

/// `DeviceFileMinor:` of a file below /proc/driver/nvidia/capabilities.
[[nodiscard]] std::optional<unsigned> parse_device_file_minor(std::string_view text);

/// /proc/driver/nvidia-caps/mig-minors: `gpu0/gi1/access 12`, `gpu0/gi1/ci0/access 13`, `config 1`,
/// `monitor 2`. Lines of another shape are passed over.
[[nodiscard]] std::vector<MigCapability> parse_mig_minors(std::string_view text);

/// /proc/driver/nvidia/params with `ModifyDeviceFiles: 0`, so that the driver's user space leaves
/// device files alone.
[[nodiscard]] std::string forbid_device_file_changes(std::string_view params);

/// The CUDA version that drivers of the branch of `driver` provide (behaviour.md §13), or nothing
/// for a branch that is not in the table: it must be asked, never guessed.
[[nodiscard]] std::optional<Version> cuda_version_of(const Version& driver);

/// The minors of /dev/nvidiactl and /dev/nvidia-modeset.
inline constexpr unsigned kControlMinor = 255;
inline constexpr unsigned kModesetMinor = 254;

/// The major number of /dev/nvidiactl, -modeset and the GPUs: of the class `nvidia`, which was
/// called nvidia-frontend before 550; 195, NVIDIA's in the kernel's devices.txt, if neither is in
/// /proc/devices.
[[nodiscard]] unsigned find_driver_major(std::string_view devices);

/// How the driver wants a device file to look; the defaults are what it has without any text.
struct DeviceFileSettings {
  unsigned uid = 0;
  unsigned gid = 0;
  unsigned mode = 0666;
  /// False: whoever administrates the host makes the file.
  bool modify = true;

  friend bool operator==(const DeviceFileSettings&, const DeviceFileSettings&) = default;
};
/// `DeviceFileUID`, `DeviceFileGID`, `DeviceFileMode` (decimal, it too) and `ModifyDeviceFiles` of
/// /proc/driver/nvidia/params, or `DeviceFileModify` of a file below
/// /proc/driver/nvidia/capabilities (behaviour.md §6.2). A value that makes no sense means that the
/// file is left alone.
[[nodiscard]] DeviceFileSettings parse_device_file_settings(std::string_view text);

}  // namespace nvhook
