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
  own,     ///< any but another driver's: the library is found by its links
  legacy,  ///< the driver's version; only drivers without GLVND have the library (340, 390)
};

struct Component {
  ComponentKind kind = ComponentKind::library;
  /// Depends on `kind`. Library: its name up to and including `.so`; with `*` it is a rule for
  /// libraries that have no row of their own. Binary, Xorg module: its name. File of the WSL store:
  /// its name, which may have `*`.
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

/// Whether `suffix`, what follows `.so.` in a file name, is the version of a driver, such as
/// 340.108 or 580.95.05, and not a library's own, such as 4.0.0.
[[nodiscard]] bool is_driver_version(std::string_view suffix);

/// Whether `suffix` is a version of a library's own: numbers and points, but no driver's version. A
/// file that a package or a person kept (`.so.470.57.02.rpmsave`, `.so.1~`) has none.
[[nodiscard]] bool is_own_version(std::string_view suffix);

/// Whether a library of this row may have a version of its own: NVIDIA gave one to more and more of
/// the libraries called `libnvidia-…`. The libraries that prove which driver is installed may not.
[[nodiscard]] bool may_have_own_version(const Component& row);

/// Returns the row for a library of the driver whose name up to `.so` is `name`: its own,
/// or the first rule that fits; nullptr if NVIDIA's driver has no library of such a name.
[[nodiscard]] const Component* classify_library(std::string_view name);

}  // namespace nvhook
