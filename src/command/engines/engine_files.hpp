// SPDX-License-Identifier: Apache-2.0
// Engines' configuration files: read, and replaced at once.
#pragma once

#include <optional>
#include <string>

#include "os/root_dir.hpp"

namespace nvhook {

/// A file as it is and as it shall be; absent: there is none.
struct FileChange {
  std::string path = {};
  std::optional<std::string> before = {};
  std::optional<std::string> after = {};

  [[nodiscard]] bool is_needed() const { return before != after; }
};

/// The file that is to be edited; nothing if there is none. Throws Error(config_unreadable) if it
/// may not be read, and Error(config_invalid) if it is a link, no regular file or larger than 1
/// MiB.
[[nodiscard]] std::optional<std::string> read_engine_file(const RootDir& system,
                                                          const std::string& path);

/// Carries `change` out, with missing directories; owner and mode of the file stay. Throws
/// Error(engine_config_not_writable), and the file is as it was.
void write_change(const RootDir& system, const FileChange& change);

/// The path of the program `name` in the directories in which services look; empty if it is in
/// none.
[[nodiscard]] std::string find_program(const RootDir& system, const std::string& name);

/// Whether there is such a file, a link to one included.
[[nodiscard]] bool has_file(const RootDir& system, const std::string& path);

}  // namespace nvhook
