// SPDX-License-Identifier: Apache-2.0
// Reads the configuration files of engines and replaces them atomically.
#pragma once

#include <optional>
#include <string>

#include "os/root_dir.hpp"

namespace nvhook {

/// A file as it is and as it should become; nullopt: no file.
struct FileChange {
  std::string path = {};
  std::optional<std::string> before = {};
  std::optional<std::string> after = {};

  [[nodiscard]] bool is_needed() const { return before != after; }
};

/// Reads the file to be edited; nullopt if there is none. Throws Error(config_unreadable) if it may
/// not be read, and Error(config_invalid) if it is a link, not a regular file, or larger than 1
/// MiB.
[[nodiscard]] std::optional<std::string> read_engine_file(const RootDir& system,
                                                          const std::string& path);

/// Makes the change, including missing directories; owner and mode of the file stay. Throws
/// Error(engine_config_not_writable); the file is then unchanged.
void write_change(const RootDir& system, const FileChange& change);

/// Returns the path of the program `name` in the directories in which services look; empty if it is
/// in none of them.
[[nodiscard]] std::string find_program(const RootDir& system, const std::string& name);

/// Returns whether the file exists; a link to a file counts.
[[nodiscard]] bool has_file(const RootDir& system, const std::string& path);

}  // namespace nvhook
