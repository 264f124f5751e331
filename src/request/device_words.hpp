// SPDX-License-Identifier: Apache-2.0
// Where a container names devices: annotations, volume mounts or variables, the first that does.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "oci/container_spec.hpp"
#include "text/note.hpp"

namespace nvhook {

/// The devices that a container names, before anybody knows what the names mean.
struct DeviceWords {
  /// As they are written; in the mode `cdi`, a name without a kind has the default kind before it.
  std::vector<std::string> words = {};
  /// As Request::devices_source.
  std::string source = {};
  /// A variable is set, even if it is empty.
  bool is_set = true;
  /// The variables from which the list comes; empty if it does not come from variables, which an
  /// unprivileged container may not have the right to use.
  std::vector<std::string> variables = {};
  /// The IMEX channels that volume mounts name; they do not depend on where devices are named.
  std::vector<std::string> mounted_channels = {};
};

/// Returns the list that counts (docs/behaviour.md §2.3, §2.4, §2.13). In the mode `cdi`, the
/// annotations of `spec` are read; names in them that are not NVIDIA's are the engine's to serve,
/// and only noted.
[[nodiscard]] DeviceWords list_devices(const ContainerSpec& spec, const Config& config,
                                       Notes& notes);

/// Whether `mount` names a device or an IMEX channel: /dev/null below
/// /var/run/nvidia-container-devices (docs/behaviour.md §2.4).
[[nodiscard]] bool names_device(const SpecMount& mount);

/// Whether the list asks for nothing: it is empty, or `void` is in it.
[[nodiscard]] bool is_void(const DeviceWords& list);

}  // namespace nvhook
