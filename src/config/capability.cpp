// SPDX-License-Identifier: Apache-2.0
// Parses and prints names of capabilities.
#include "config/capability.hpp"

#include <algorithm>

#include "text/text.hpp"

namespace nvhook {

std::string_view to_string(Capability capability) noexcept {
  switch (capability) {
    case Capability::compat32:
      return "compat32";
    case Capability::compute:
      return "compute";
    case Capability::display:
      return "display";
    case Capability::graphics:
      return "graphics";
    case Capability::ngx:
      return "ngx";
    case Capability::utility:
      return "utility";
    case Capability::video:
      return "video";
  }
  return {};
}

std::optional<Capability> parse_capability(std::string_view name) noexcept {
  const auto* const found =
      std::find_if(kCapabilities.begin(), kCapabilities.end(),
                   [&](Capability capability) { return to_string(capability) == name; });
  return found == kCapabilities.end() ? std::nullopt : std::optional(*found);
}

CapabilitySet CapabilitySet::all() {
  CapabilitySet set;
  for (const Capability capability : kCapabilities) set.insert(capability);
  return set;
}

std::optional<CapabilitySet> parse_capabilities(std::string_view list) {
  CapabilitySet set;
  for (const std::string_view word : split_list(list, ',')) {
    if (word == "all") {
      set = CapabilitySet::all();
    } else if (const auto capability = parse_capability(word)) {
      set.insert(*capability);
    } else {
      return std::nullopt;
    }
  }
  return set.empty() ? std::nullopt : std::optional(set);
}

std::string to_string(CapabilitySet set) {
  std::string names;
  for (const Capability capability : kCapabilities) {
    if (!set.contains(capability)) continue;
    if (!names.empty()) names += ',';
    names += to_string(capability);
  }
  return names;
}

}  // namespace nvhook
