// SPDX-License-Identifier: Apache-2.0
// NVIDIA_DRIVER_CAPABILITIES: the named groups of driver components.
#pragma once

#include <array>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace nvhook {

enum class Capability { compat32, compute, display, graphics, ngx, utility, video };

/// All capabilities, in the order of their names.
inline constexpr std::array kCapabilities{
    Capability::compat32, Capability::compute, Capability::display, Capability::graphics,
    Capability::ngx,      Capability::utility, Capability::video};

[[nodiscard]] std::string_view to_string(Capability capability) noexcept;
[[nodiscard]] std::optional<Capability> parse_capability(std::string_view name) noexcept;

class CapabilitySet {
 public:
  constexpr CapabilitySet() = default;
  constexpr CapabilitySet(std::initializer_list<Capability> members) {
    for (const Capability member : members) bits_ |= bit(member);
  }
  [[nodiscard]] static CapabilitySet all();

  constexpr void insert(Capability member) { bits_ |= bit(member); }
  [[nodiscard]] constexpr bool contains(Capability member) const {
    return (bits_ & bit(member)) != 0;
  }
  [[nodiscard]] constexpr bool intersects(CapabilitySet other) const {
    return (bits_ & other.bits_) != 0;
  }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }

  friend constexpr CapabilitySet operator&(CapabilitySet a, CapabilitySet b) {
    CapabilitySet both;
    both.bits_ = a.bits_ & b.bits_;
    return both;
  }
  friend constexpr bool operator==(CapabilitySet, CapabilitySet) = default;

 private:
  static constexpr unsigned bit(Capability member) { return 1U << static_cast<unsigned>(member); }
  unsigned bits_ = 0;
};

/// Parses a list of names separated by commas, or `all`. Returns nullopt if the list is empty or
/// has an unknown name.
[[nodiscard]] std::optional<CapabilitySet> parse_capabilities(std::string_view list);

/// Returns the names of the members, sorted and separated by commas.
[[nodiscard]] std::string to_string(CapabilitySet set);

}  // namespace nvhook
