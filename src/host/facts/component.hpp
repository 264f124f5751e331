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
  xorg_module,  ///< loaded by the X server
  wsl_store,    ///< a file of the Windows driver store that WSL2 shows
};

/// Which suffix the file name of a library must have.
enum class Versioning {
  driver,  ///< the driver's version
  own,     ///< any: the library is found by its links
};

struct Component {
  ComponentKind kind = ComponentKind::library;
  /// Depends on `kind`. Library: its name up to and including `.so`; with `*` it is a rule for
  /// libraries that have no row of their own. Binary, Xorg module, file of the WSL store: its name.
  /// IPC endpoint: its path. Data file: its path below /etc or /usr/share; with `*` in its last
  /// component all that match. `$VERSION` stands for the driver's version.
  std::string_view name = {};
  /// Injected if one of these is requested; if empty, with every request.
  CapabilitySet capabilities = {};
  /// What it is, in a few words; shown as the reason of a step.
  std::string_view purpose = {};
  Versioning versioning = Versioning::driver;
};

/// A link that the driver's own installer makes beside a library.
struct ComponentLink {
  std::string_view library = {};  ///< Component::name of the library
  /// Path of the link, relative to the library's directory.
  std::string_view name = {};
  /// Target of the link; if empty, the file name of the mounted library.
  std::string_view target = {};
};

/// The rows in the order in which components are listed and injected (docs/behaviour.md §5.2 to
/// §5.11). Rules for libraries come after the rows of libraries.
[[nodiscard]] std::span<const Component> components();
[[nodiscard]] std::span<const ComponentLink> component_links();

/// The firmware row: GSP firmware below /lib/firmware/nvidia/<version>, injected with every
/// request.
[[nodiscard]] const Component& firmware_component();

/// Whether `text` matches `pattern`, in which `*` stands for any characters.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view text);

/// Returns the row whose name is exactly `name`, or nullptr.
[[nodiscard]] const Component* find_component(ComponentKind kind, std::string_view name);

/// Returns the name by which the table knows a library: `libcuda.so` for `libcuda.so.1`.
[[nodiscard]] std::string_view library_base_name(std::string_view library);

/// Returns the row for a library of the driver's version whose name up to `.so` is `name`: its own,
/// or the first rule that fits; nullptr if NVIDIA's driver has no library of such a name.
[[nodiscard]] const Component* classify_library(std::string_view name);

}  // namespace nvhook
