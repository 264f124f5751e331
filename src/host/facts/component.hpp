// SPDX-License-Identifier: Apache-2.0
// The driver's components as a table: which file belongs to which capability, and what it is for.
#pragma once

#include <span>
#include <string_view>

#include "config/capability.hpp"

namespace nvhook {

enum class ComponentKind {
  library,
  binary,
  firmware,
  ipc_socket,
  ipc_directory,
  data_file,    ///< manifests, profiles, weights
  xorg_module,  ///< what the X server loads
  wsl_store,    ///< a file of the Windows driver store that WSL2 shows
};

/// What the suffix of a library's file name must be.
enum class Versioning {
  driver,  ///< the driver's version
  own,     ///< anything: found by its links
};

struct Component {
  ComponentKind kind = ComponentKind::library;
  /// A library: its name up to and with `.so`; with `*`, a rule for the libraries that have no row
  /// of their own. A binary, an Xorg module, a file of the WSL store: its name. An IPC endpoint:
  /// its path. A data file: its path below /etc or /usr/share. `$VERSION` stands for the driver's
  /// version.
  std::string_view name = {};
  /// Injected if one of these is asked for; empty: with every request.
  CapabilitySet capabilities = {};
  /// What it is, in a few words; shown as the reason of a step.
  std::string_view purpose = {};
  Versioning versioning = Versioning::driver;
};

/// A link that the driver's own installer makes beside a library.
struct ComponentLink {
  std::string_view library = {};  ///< Component::name it stands beside
  /// Relative to the library's directory.
  std::string_view name = {};
  /// Target; empty: the file name of the mounted library.
  std::string_view target = {};
};

/// Rows in the order in which components are listed and injected (behaviour.md §5.2 to §5.11),
/// rules for libraries after the libraries' rows.
[[nodiscard]] std::span<const Component> components();
[[nodiscard]] std::span<const ComponentLink> component_links();

/// The firmware row: GSP firmware below /lib/firmware/nvidia/<version>, with every request.
[[nodiscard]] const Component& firmware_component();

/// The row that is called `name` exactly; nullptr if there is none.
[[nodiscard]] const Component* find_component(ComponentKind kind, std::string_view name);

/// `libcuda.so` for `libcuda.so.1`: the name by which the table knows a library.
[[nodiscard]] std::string_view library_base_name(std::string_view library);

/// The row for a library of the driver's version whose name up to `.so` is `name`: its own, or the
/// first rule that fits. nullptr if the name is none that NVIDIA's driver uses.
[[nodiscard]] const Component* classify_library(std::string_view name);

}  // namespace nvhook
