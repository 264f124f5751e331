// SPDX-License-Identifier: Apache-2.0
// Tries each form of a name in turn.
#include "request/device_name.hpp"

#include "text/pci_address.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

/// `MIG-<uuid>` or `MIG-GPU-<uuid>/<gi>/<ci>`.
DeviceName parse_mig_uuid(std::string_view text) {
  constexpr std::string_view kPrefix = "MIG-";
  const auto parts = split(text.substr(kPrefix.size()), '/');
  if (parts.size() == 3) {
    const auto instance = parse_numbered(parts[1], "");
    const auto compute = parse_numbered(parts[2], "");
    if (!instance || !compute || !starts_with_ignoring_case(parts[0], "GPU-")) {
      return {.kind = DeviceNameKind::mig_uuid, .uuid = text};
    }
    return {.kind = DeviceNameKind::mig_legacy,
            .uuid = parts[0],
            .gpu_instance = *instance,
            .compute_instance = *compute};
  }
  return {.kind = DeviceNameKind::mig_uuid, .uuid = text};
}

}  // namespace

DeviceName parse_device_name(std::string_view text) {
  if (starts_with_ignoring_case(text, "GPU-")) {
    return {.kind = DeviceNameKind::gpu_uuid, .uuid = text};
  }
  if (starts_with_ignoring_case(text, "MIG-")) return parse_mig_uuid(text);
  if (const auto index = parse_numbered(text, "")) {
    return {.kind = DeviceNameKind::index, .gpu_index = *index};
  }
  if (const auto address = parse_pci_address(text)) {
    return {.kind = DeviceNameKind::pci, .pci = *address};
  }
  const auto parts = split(text, ':');
  const auto gpu = parts.size() == 2 ? parse_numbered(parts[0], "") : std::nullopt;
  const auto mig = parts.size() == 2 ? parse_numbered(parts[1], "") : std::nullopt;
  if (gpu && mig) {
    return {.kind = DeviceNameKind::mig_index, .gpu_index = *gpu, .mig_index = *mig};
  }
  return {};
}

}  // namespace nvhook
