// SPDX-License-Identifier: Apache-2.0
// Parses `domain:bus:device.function`, hexadecimal.
#include "text/pci_address.hpp"

#include "text/text.hpp"

namespace nvhook {

std::optional<PciAddress> parse_pci_address(std::string_view text) {
  auto parts = split(text, ':');
  if (parts.size() != 3) return std::nullopt;
  const auto dot = parts[2].find('.');
  const std::string_view device_text = parts[2].substr(0, dot);
  if (dot != std::string_view::npos && !parse_unsigned_int(parts[2].substr(dot + 1), 16)) {
    return std::nullopt;
  }
  const auto domain = parse_unsigned_int(parts[0], 16);
  const auto bus = parse_unsigned_int(parts[1], 16);
  const auto device = parse_unsigned_int(device_text, 16);
  if (!domain || !bus || !device) return std::nullopt;
  return PciAddress{.domain = *domain, .bus = *bus, .device = *device};
}

}  // namespace nvhook
