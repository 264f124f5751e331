// SPDX-License-Identifier: Apache-2.0
// Writes to the file in which an engine looks for the reason why its runtime failed.
#pragma once

#include <string>

namespace nvhook {

/// Appends `message` to the file at `path` (relative to `working_directory`; created 0600) in the
/// format of runc. Ignores failures, because the message is on standard error as well.
void append_to_engine_log(const std::string& path, int working_directory,
                          const std::string& message, bool is_json) noexcept;

}  // namespace nvhook
