// SPDX-License-Identifier: Apache-2.0
// Adds the driver to a config.json; used by the runtime shim and by Podman's precreate stage.
#pragma once

#include <optional>
#include <string>

#include "config/config.hpp"
#include "inject/audit.hpp"
#include "os/log.hpp"
#include "os/process_setup.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// What editing a config.json needs besides its text.
struct SpecFilter {
  const CallerContext& caller;
  const RootDir& system;  ///< the host's root
  const Config& config;
  /// The configuration file given to this program, passed on to the completing hook; empty if none
  /// was given.
  std::string config_file = {};
  Log& log;
  Audit& audit;
};

/// Returns `text`, a config.json, with everything added that a specification can express of what
/// the container asks for, and with a hook that does the rest (edit_spec). nullopt if `text` must
/// stay as it is: no request, or the driver is in it already. `directory` is the bundle, as the
/// runtime's command line names it: it may be relative to the caller's working directory, or empty
/// for that directory itself. Changes nothing, except on the host what `load-kmods` allows. Throws
/// what parse_spec, derive_task, plan_container, open_source and edit_spec throw,
/// Error(rootfs_invalid) and Error(internal).
[[nodiscard]] std::optional<std::string> edit_container_spec(const std::string& text,
                                                             const std::string& directory,
                                                             const SpecFilter& filter);

}  // namespace nvhook
