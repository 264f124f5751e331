// SPDX-License-Identifier: Apache-2.0
// Tries each form of a name in turn.
#include "request/device_name.hpp"

#include <algorithm>
#include <utility>

#include "config/cdi_kind.hpp"
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

/// `<gpu index>:<MIG index>`
std::optional<std::pair<unsigned, unsigned>> parse_mig_index(std::string_view text) {
  const auto parts = split(text, ':');
  if (parts.size() != 2) return std::nullopt;
  const auto gpu = parse_numbered(parts[0], "");
  const auto mig = parse_numbered(parts[1], "");
  if (!gpu || !mig) return std::nullopt;
  return std::pair(*gpu, *mig);
}

}  // namespace

std::string_view without_cdi_kind(std::string_view word) {
  const auto parts = parse_qualified_name(word);
  if (!parts || nvidia_kind(parts->kind) != NvidiaKind::gpu) return word;
  const std::string_view name = parts->device;
  const std::string_view bare = name.substr(std::min<std::size_t>(3, name.size()));
  if (name.starts_with("gpu") && parse_numbered(bare, "")) return bare;
  if (name.starts_with("mig") && parse_mig_index(bare)) return bare;
  return name;
}

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
  if (const auto mig = parse_mig_index(text)) {
    return {.kind = DeviceNameKind::mig_index, .gpu_index = mig->first, .mig_index = mig->second};
  }
  return {};
}

std::optional<IndexRange> parse_index_range(std::string_view text) {
  constexpr unsigned kMostGpus = 256;
  const auto parts = split(text, '-');
  if (parts.size() != 2) return std::nullopt;
  const auto first = parse_numbered(parts[0], "");
  const auto last = parse_numbered(parts[1], "");
  if (!first || !last || *last < *first || *last - *first >= kMostGpus) return std::nullopt;
  return IndexRange{*first, *last};
}

}  // namespace nvhook
