// SPDX-License-Identifier: Apache-2.0
// Finds and executes the OCI runtime that does the work behind the runtime shim.
#pragma once

#include <string>
#include <vector>

namespace nvhook {

/// Returns the path of the first of `candidates` that exists as an executable file. A name with a
/// slash is used as it is; any other is looked up in the directories of `search_path` (PATH), then
/// in those of the system and of CRI-O's packages. Never returns this program, under whatever name
/// or link it is installed. Throws Error(runtime_not_found).
[[nodiscard]] std::string find_low_level_runtime(const std::vector<std::string>& candidates,
                                                 const std::string& search_path);

/// Executes the program at `path` with these arguments (argv[0] first) and this process's
/// environment. Returns only by throwing Error(runtime_not_found).
[[noreturn]] void execute_runtime(const std::string& path, std::vector<std::string> arguments);

}  // namespace nvhook
