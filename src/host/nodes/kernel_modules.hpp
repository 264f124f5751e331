// SPDX-License-Identifier: Apache-2.0
// Looks for NVIDIA hardware on the PCI bus, and loads kernel modules.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "os/root_dir.hpp"

namespace nvhook {

/// PCI class of display controllers: the beginning of /sys/bus/pci/devices/*/class.
inline constexpr std::string_view kPciDisplay = "0x03";

/// Whether a PCI device of NVIDIA whose class begins with `pci_class` exists.
[[nodiscard]] bool has_nvidia_pci_device(const RootDir& system, std::string_view pci_class = {});

/// Runs `<helper> <module>`, where the helper is the program by which the kernel itself loads
/// modules (/proc/sys/kernel/modprobe, or /sbin/modprobe without that file). It must be a regular,
/// executable file that belongs to root and that nobody else can write. It is found below `system`,
/// started by the descriptor that was checked, with only PATH (system directories) in its
/// environment, and killed after `deadline`. Returns nullopt if it exited with 0, which does not
/// prove that the module is loaded; otherwise the reason, as text for a note.
[[nodiscard]] std::optional<std::string> load_module(const RootDir& system,
                                                     const std::string& module,
                                                     std::chrono::milliseconds deadline);

}  // namespace nvhook
