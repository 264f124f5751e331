// SPDX-License-Identifier: Apache-2.0
// Makes a failure findable where the runtime shows nobody our standard error: journal or syslog,
// and a last-failure record.
#pragma once

#include <string>
#include <string_view>

#include "os/root_dir.hpp"
#include "text/error.hpp"

namespace nvhook {

struct Failure {
  Code code = Code::internal;
  std::string line = {};          ///< the one line, without program name
  std::string container_id = {};  ///< empty if it was not known yet
  /// The hook ran inside the container, where /run is the container's: no record there.
  bool inside_container = false;
};

/// Sends `failure` to journald, else to syslog, and replaces /run/oci-nvidia-hook/last-failure. For
/// a user who is not real root the record is oci-nvidia-hook/last-failure in `runtime_directory`
/// (XDG_RUNTIME_DIR; empty: /run/user/<uid>), if that is the user's own. Paths are below `system`,
/// the host's root as it was opened at the start. Never throws, never blocks.
void report_failure(const Failure& failure, const RootDir& system,
                    const std::string& runtime_directory) noexcept;

}  // namespace nvhook
