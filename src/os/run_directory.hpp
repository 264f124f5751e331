// SPDX-License-Identifier: Apache-2.0
// Our directory below /run, for what is worth keeping until the next boot.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "os/unique_fd.hpp"
#include "text/note.hpp"

namespace nvhook {

inline constexpr const char* kRunDirectory = "/run/oci-nvidia-hook";

/// A directory that only root can write, and files in it that only root has written. Nothing about
/// it is an error: what is odd is a note, and nothing is kept.
class RunDirectory {
 public:
  /// The directory at `path`, made if it is missing. Nothing for a process that is not root.
  [[nodiscard]] static std::optional<RunDirectory> at(const std::string& path, Notes& notes);

  /// The file `name` if it is root's alone; one that is not there is no note.
  [[nodiscard]] std::optional<std::string> read(const char* name, Notes& notes) const;
  /// Puts a new file in the place of `name`, all at once: who reads meanwhile has the one or the
  /// other.
  void replace(const char* name, std::string_view text, Notes& notes) const;

 private:
  explicit RunDirectory(UniqueFd directory) noexcept : directory_(std::move(directory)) {}

  UniqueFd directory_;
};

}  // namespace nvhook
