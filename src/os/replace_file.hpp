// SPDX-License-Identifier: Apache-2.0
// Puts a whole file in the place of another, at once.
#pragma once

#include <string>

namespace nvhook {

struct ReplaceOptions {
  bool may_create = false;  ///< there need be no file yet; a new one gets mode 0644
  bool is_synced = false;   ///< it is on the disk before the old one goes
};

/// Replaces the file `name` of `directory` by one with `text`: a reader sees the old one or the new
/// one. Owner and mode stay; what `name` links to is not followed. False with errno, and the old
/// one is still there, with nothing beside it.
[[nodiscard]] bool replace_file(int directory, const std::string& name, const std::string& text,
                                const ReplaceOptions& options = {});

}  // namespace nvhook
