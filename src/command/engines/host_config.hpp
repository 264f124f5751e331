// SPDX-License-Identifier: Apache-2.0
// The configuration, for a command that only looks at a host.
#pragma once

#include "command/shell/command.hpp"
#include "config/config.hpp"

namespace nvhook {

struct HostConfig {
  bool is_ours = true;  ///< not another one, which --host-root names
  ConfigResult as_written = {};
  /// The same for what reads the host: the driver root is below --host-root, and nothing is
  /// changed, whatever `load-kmods` says.
  Config seen_from_here = {};
};

/// Throws as load_config does.
[[nodiscard]] HostConfig read_host_config(CommandContext& context);

}  // namespace nvhook
