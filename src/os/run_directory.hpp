// SPDX-License-Identifier: Apache-2.0
// The hook's directory below /run, for caches and records that last until the next boot, and others
// like it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/unique_fd.hpp"
#include "text/note.hpp"

namespace nvhook {

inline constexpr const char* kRunDirectory = "/run/oci-nvidia-hook";

/// Opens the directory at `path`. Returns an empty descriptor, with errno, and says in `why` what
/// is wrong with it, if it cannot be opened or others than root can write it.
[[nodiscard]] UniqueFd open_roots_directory(const std::string& path, std::string& why);
/// As open_roots_directory(), and makes the directory (0755) if it is missing; its parent must
/// exist.
[[nodiscard]] UniqueFd make_roots_directory(const std::string& path, std::string& why);

/// A directory that only root can write, with files that only root can have written. Nothing here
/// throws Error: what is wrong becomes a note, and nothing is cached.
class RunDirectory {
 public:
  /// Opens the directory at `path`, and makes it if it is missing. nullopt if this process is not
  /// root, or the directory cannot be used.
  [[nodiscard]] static std::optional<RunDirectory> at(const std::string& path, Notes& notes);

  /// Returns the content of the file `name`; nullopt if it does not exist (without a note), cannot
  /// be read, or others than root can have written it.
  [[nodiscard]] std::optional<std::string> read(const char* name, Notes& notes) const;
  /// Replaces the file `name` atomically (put_file).
  void replace(const char* name, std::string_view text, Notes& notes) const;
  /// Returns the names of files that begin with `prefix`, in no order.
  [[nodiscard]] std::vector<std::string> names(std::string_view prefix) const;
  void remove_file(const std::string& name) const noexcept;

 private:
  explicit RunDirectory(UniqueFd directory) noexcept : directory_(std::move(directory)) {}

  UniqueFd directory_;
};

}  // namespace nvhook
