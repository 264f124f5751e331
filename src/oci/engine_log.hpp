// SPDX-License-Identifier: Apache-2.0
// The file in which an engine looks for the reason why its runtime failed.
#pragma once

#include <string>

namespace nvhook {

/// Appends `message` to the file at `path` (relative to `working_directory`; created 0600) as runc
/// would. A file that cannot be written costs nothing: the message is on standard error, too.
void append_to_engine_log(const std::string& path, int working_directory,
                          const std::string& message, bool is_json) noexcept;

}  // namespace nvhook
