// SPDX-License-Identifier: Apache-2.0
// Finds and reads the configuration files.
#pragma once

#include <string>

#include "config/config.hpp"
#include "os/process_setup.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// Returns the effective configuration. If `explicit_file` (-config) or NVIDIA_CTK_CONFIG_FILE_PATH
/// names a file, it must exist and is the only one. Otherwise
/// /etc/nvidia-container-runtime/config.toml is read and, over it,
/// /etc/oci-nvidia-hook/config.toml; both are optional. For anybody but the host's root, the same
/// two files below XDG_CONFIG_HOME (default ~/.config) are read over these. Not for the host's
/// root, because an engine may pass on any environment. What no file says is as in `base`. Throws
/// Error(config_unreadable, config_invalid).
[[nodiscard]] ConfigResult load_config(const std::string& explicit_file,
                                       const CallerContext& caller, Config base = {});

/// As load_config(), for another host, whose root is `host`: by default only the two files in its
/// /etc are read.
[[nodiscard]] ConfigResult load_config_of(const RootDir& host, const std::string& explicit_file,
                                          const CallerContext& caller);

}  // namespace nvhook
