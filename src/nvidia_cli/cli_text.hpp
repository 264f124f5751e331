// SPDX-License-Identifier: Apache-2.0
// Formats the output of `nvidia-container-cli info` and `list`.
#pragma once

#include <string>

#include "host/facts/inventory.hpp"
#include "host/gpu/driver_details.hpp"
#include "request/request.hpp"

namespace nvhook {

enum class InfoFormat { text, csv };

/// Returns the driver and its GPUs, byte for byte as libnvidia-container prints them
/// (docs/behaviour.md §9.2). What `details` does not have is printed as `Unknown`.
[[nodiscard]] std::string info_text(const Inventory& inventory, const DriverDetails& details,
                                    InfoFormat format);

/// The sections that `list` prints.
struct ListSections {
  bool devices = false;
  bool libraries = false;
  bool binaries = false;
  bool ipcs = false;
  bool firmwares = false;
  bool compat32 = false;  ///< with `libraries`

  friend bool operator==(const ListSections&, const ListSections&) = default;
};

/// Returns one path per line, in libnvidia-container's order (docs/behaviour.md §9.3), without the
/// driver root. The nodes of control devices and GPUs are listed whether they exist or not. Throws
/// Error(unknown_device).
[[nodiscard]] std::string list_text(const Inventory& inventory, const Request& request,
                                    const ListSections& sections);

}  // namespace nvhook
