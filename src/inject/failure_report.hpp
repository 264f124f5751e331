// SPDX-License-Identifier: Apache-2.0
// Records a failure where people find it if the runtime hides the hook's standard error: journal or
// syslog, and a last-failure record.
#pragma once

#include <string>
#include <string_view>

#include "os/root_dir.hpp"
#include "text/error.hpp"

namespace nvhook {

struct Failure {
  Code code = Code::internal;
  std::string line = {};          ///< the error line, without the program's name
  std::string container_id = {};  ///< empty if not known yet
  /// The hook ran inside the container: no record is written, because /run is the container's.
  bool inside_container = false;
};

/// Sends `failure` to journald, else to syslog, and replaces /run/oci-nvidia-hook/last-failure. For
/// a user other than the host's root, the record is oci-nvidia-hook/last-failure in
/// `runtime_directory` (XDG_RUNTIME_DIR; if empty, /run/user/<uid>), if the user owns that. Paths
/// are below `system`, the host's root as opened at the start. Never throws, never blocks.
void report_failure(const Failure& failure, const RootDir& system,
                    const std::string& runtime_directory) noexcept;

}  // namespace nvhook
