// SPDX-License-Identifier: Apache-2.0
// Which configuration files count, and reading them.
#pragma once

#include <string>

#include "config/config.hpp"
#include "os/process_setup.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// The effective configuration. `explicit_file` (-config) or NVIDIA_CTK_CONFIG_FILE_PATH must exist
/// and counts alone; otherwise /etc/nvidia-container-runtime/config.toml and, over it,
/// /etc/oci-nvidia-hook/config.toml, both optional. For a user who is not real root the same two
/// files of XDG_CONFIG_HOME (else ~/.config) come over these; real root has no others, because an
/// engine passes on whatever environment it has. Throws Error(config_unreadable, config_invalid).
[[nodiscard]] ConfigResult load_config(const std::string& explicit_file,
                                       const CallerContext& caller);

/// The same for another host, whose root is `host`: of the usual files, those two in its /etc.
[[nodiscard]] ConfigResult load_config_of(const RootDir& host, const std::string& explicit_file,
                                          const CallerContext& caller);

}  // namespace nvhook
