// SPDX-License-Identifier: Apache-2.0
// Kernel modules: what hardware calls for them, and having one loaded.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "os/root_dir.hpp"

namespace nvhook {

/// PCI class of display controllers, as /sys/bus/pci/devices/*/class begins.
inline constexpr std::string_view kPciDisplay = "0x03";

/// Whether a device of NVIDIA whose class begins with `pci_class` is on the PCI bus.
[[nodiscard]] bool has_nvidia_pci_device(const RootDir& system, std::string_view pci_class = {});

/// Runs `<helper> <module>`, where the helper is the program by which the kernel itself loads
/// modules (/proc/sys/kernel/modprobe; /sbin/modprobe without that file): a regular, executable
/// file of root's that nobody else can write, found below `system` and started by the descriptor
/// that was checked, with PATH of system directories as its whole environment; killed after
/// `deadline`. Nothing if it ended well, which does not prove that the module is there; else why
/// not, as it goes into a note.
[[nodiscard]] std::optional<std::string> load_module(const RootDir& system,
                                                     const std::string& module,
                                                     std::chrono::milliseconds deadline);

}  // namespace nvhook
