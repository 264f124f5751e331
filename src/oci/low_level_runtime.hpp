// SPDX-License-Identifier: Apache-2.0
// The OCI runtime that does the work.
#pragma once

#include <string>
#include <vector>

namespace nvhook {

/// The path of the first of `candidates` that there is as an executable file: a name with a slash
/// as it is, another in the directories of `search_path` (PATH) and then in those of the system.
/// This program is never found, whatever name or link it has there. Throws
/// Error(runtime_not_found).
[[nodiscard]] std::string find_low_level_runtime(const std::vector<std::string>& candidates,
                                                 const std::string& search_path);

/// Becomes the program at `path` with these arguments (argv[0] first) and the environment of this
/// process. Returns only by Error(runtime_not_found).
[[noreturn]] void execute_runtime(const std::string& path, std::vector<std::string> arguments);

}  // namespace nvhook
