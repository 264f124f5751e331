// SPDX-License-Identifier: Apache-2.0
// A config.json in, the same with the driver in it out: what Podman's precreate and the runtime
// shim share.
#pragma once

#include <optional>
#include <string>

#include "config/config.hpp"
#include "os/log.hpp"
#include "os/process_setup.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// Where a config.json is edited.
struct SpecFilter {
  const CallerContext& caller;
  const RootDir& system;  ///< the host's root
  const Config& config;
  /// The configuration file that was named to this program, for the hook that completes the work;
  /// empty: none was.
  std::string config_file = {};
  Log& log;
};

/// `text`, the config.json of the bundle `directory` (empty, or relative to where this program was
/// started, as the runtime said it), in which the runtime is told all that a specification can say
/// of what the container asks for, and a hook to do the rest (edit_spec). Nothing if `text` is to
/// stay: no request, or the driver is in it already. Changes nothing but what `load-kmods` allows
/// on the host. Throws Error, as the hook does.
[[nodiscard]] std::optional<std::string> edit_container_spec(const std::string& text,
                                                             const std::string& directory,
                                                             const SpecFilter& filter);

}  // namespace nvhook
