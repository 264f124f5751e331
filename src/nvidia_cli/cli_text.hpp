// SPDX-License-Identifier: Apache-2.0
// What `nvidia-container-cli info` and `list` print.
#pragma once

#include <string>

#include "host/facts/inventory.hpp"
#include "host/gpu/driver_details.hpp"
#include "request/request.hpp"

namespace nvhook {

enum class InfoFormat { text, csv };

/// The driver and its GPUs, byte for byte as libnvidia-container prints them (behaviour.md §9.2).
/// What `details` does not tell of a GPU is `Unknown`.
[[nodiscard]] std::string info_text(const Inventory& inventory, const DriverDetails& details,
                                    InfoFormat format);

/// What `list` was asked to list.
struct ListSections {
  bool devices = false;
  bool libraries = false;
  bool binaries = false;
  bool ipcs = false;
  bool firmwares = false;
  bool compat32 = false;  ///< with `libraries`

  friend bool operator==(const ListSections&, const ListSections&) = default;
};

/// One path per line, in the reference's order (behaviour.md §9.3), none with the driver root in
/// front. Control nodes and the GPUs' are listed whether they exist or not. Throws
/// Error(unknown_device).
[[nodiscard]] std::string list_text(const Inventory& inventory, const Request& request,
                                    const ListSections& sections);

}  // namespace nvhook
