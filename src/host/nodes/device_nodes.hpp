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
  /// Nodes that others made, nvidia-modprobe among them, get their links in /dev/char, too.
  bool link_all = false;
  /// For each module. A DGX with eight GPUs takes some seconds.
  std::chrono::milliseconds module_deadline{30'000};
};

/// Whether the kernel driver of the host whose root `system` is, is loaded.
[[nodiscard]] bool is_driver_loaded(const RootDir& system);

/// Loads the modules that `request` needs and makes all nodes of the driver that are missing, in
/// the driver root's /dev if that has a nvidiactl, else in the host's, with the owner and mode that
/// the driver wants (behaviour.md §6.2), and the links in /dev/char of all that are there. What is
/// right is left alone.
/// No module is loaded for a driver root other than the host's root: what installed the driver
/// there loads it. In a user namespace, where neither is possible, it does nothing. Best effort:
/// whatever fails is a warning that says what to do; no Error.
[[nodiscard]] Notes provide_devices(const HostView& host, const Request& request,
                                    const ProvisionOptions& options = {});

}  // namespace nvhook
