// SPDX-License-Identifier: Apache-2.0
// A PCI address, in the order in which the driver enumerates GPUs.
#pragma once

#include <compare>
#include <optional>
#include <string_view>

namespace nvhook {

/// A PCI address without its function. Addresses sort as the driver enumerates GPUs: by domain,
/// bus, device.
struct PciAddress {
  unsigned domain = 0;
  unsigned bus = 0;
  unsigned device = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 in a defaulted <=> for ours
  friend auto operator<=>(const PciAddress&, const PciAddress&) = default;
  friend bool operator==(const PciAddress&, const PciAddress&) = default;
};
[[nodiscard]] std::optional<PciAddress> parse_pci_address(std::string_view text);

}  // namespace nvhook
