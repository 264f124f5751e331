// SPDX-License-Identifier: Apache-2.0
// Puts a whole file in the place of another, at once.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace nvhook {

/// Puts a new file with `text` and `mode` under the name `name` of `directory`: a reader sees what
/// was there or all of the new one, and what `name` links to is not followed. False with errno, and
/// then what was there still is, with nothing beside it.
[[nodiscard]] bool put_file(int directory, const std::string& name, std::string_view text,
                            mode_t mode);

struct ReplaceOptions {
  bool may_create = false;  ///< there need be no file yet; a new one gets mode 0644
  bool is_synced = false;   ///< it is on the disk before the old one goes
};

/// The same in the place of a file whose owner and mode stay.
[[nodiscard]] bool replace_file(int directory, const std::string& name, const std::string& text,
                                const ReplaceOptions& options = {});

}  // namespace nvhook
