// SPDX-License-Identifier: Apache-2.0
// Loads kernel modules and makes device nodes that the host lacks.
#pragma once

#include <chrono>

#include "host/facts/host_view.hpp"
#include "request/request.hpp"
#include "text/note.hpp"

namespace nvhook {

struct ProvisionOptions {
  bool load_modules = true;
  /// Config::create_imex_channels.
  bool create_imex_channels = true;
  /// Nodes that were there already, for example made by nvidia-modprobe, get links in /dev/char,
  /// too.
  bool link_all = false;
  /// Make nodes in the /dev of this root, and not where host_probe finds them.
  const RootDir* nodes_root = nullptr;
  /// Do nothing; the notes tell what would be done.
  bool only_tell = false;
  /// For each module. A DGX with eight GPUs takes some seconds.
  std::chrono::milliseconds module_deadline{30'000};
};

/// Whether the NVIDIA kernel module is loaded on the host with the root directory `system`.
[[nodiscard]] bool is_driver_loaded(const RootDir& system);

/// Loads the modules that `request` needs and makes all missing nodes of the driver, with the owner
/// and mode that the driver wants (docs/behaviour.md §6.2), and their links in /dev/char. The nodes
/// are made in the driver root's /dev if that has a nvidiactl, else in the host's. Correct nodes
/// are left alone. If the driver root is not the host's root, no module is loaded: whatever
/// installed the driver there loads it. In a user namespace, where neither is possible, and in
/// a container, which keeps the devices that it was given (are_nodes_given), nothing is done.
/// Throws no Error: a failure becomes a warning that says what to do.
[[nodiscard]] Notes provide_devices(const HostView& host, const Request& request,
                                    const ProvisionOptions& options = {});

}  // namespace nvhook
