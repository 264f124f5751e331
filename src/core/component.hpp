// SPDX-License-Identifier: Apache-2.0
// The driver's components as a table: which file belongs to which capability, and what it is for.
#pragma once

#include <span>
#include <string_view>

#include "core/capability.hpp"

namespace nvhook {

enum class ComponentKind { library, binary, firmware, ipc_socket, ipc_directory };

struct Component {
  ComponentKind kind = ComponentKind::library;
  /// A library: its name up to and with `.so`. A binary: its name. An IPC endpoint: its path.
  std::string_view name = {};
  /// Injected if one of these is asked for; empty: with every request.
  CapabilitySet capabilities = {};
  /// What it is, in a few words; shown as the reason of a step.
  std::string_view purpose = {};
};

/// A link that the driver's own installer makes beside a library.
struct ComponentLink {
  std::string_view library = {};  ///< Component::name it stands beside
  std::string_view name = {};
  /// Target; empty: the file name of the mounted library.
  std::string_view target = {};
};

/// Rows in the order in which components are listed and injected (behaviour.md §5.2, §5.3, §5.7).
[[nodiscard]] std::span<const Component> components();
[[nodiscard]] std::span<const ComponentLink> component_links();

/// The firmware row: GSP firmware below /lib/firmware/nvidia/<version>, with every request.
[[nodiscard]] const Component& firmware_component();

/// The row of the library or binary called `name` exactly; nullptr if there is none.
[[nodiscard]] const Component* find_component(ComponentKind kind, std::string_view name);

}  // namespace nvhook
