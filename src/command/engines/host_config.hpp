// SPDX-License-Identifier: Apache-2.0
// The configuration, for commands that only look at a host.
#pragma once

#include <string>

#include "command/shell/command.hpp"
#include "config/config.hpp"

namespace nvhook {

struct HostConfig {
  bool is_ours = true;  ///< this host, not another one named by --host-root
  ConfigResult as_written = {};
  /// For reading the host: the driver root is below --host-root, and nothing on the host is
  /// changed, whatever `load-kmods` says.
  Config seen_from_here = {};
};

/// `driver_root`, if it is not empty, takes the place of the configured one. Throws as load_config
/// does.
[[nodiscard]] HostConfig read_host_config(CommandContext& context,
                                          const std::string& driver_root = {});

}  // namespace nvhook
