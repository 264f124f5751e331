// SPDX-License-Identifier: Apache-2.0
// Replaces a file atomically.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

namespace nvhook {

/// Writes a new file with `text` and `mode` to `name` in `directory`, atomically: a reader sees the
/// old file or all of the new one. A link called `name` is replaced, not followed. Returns false,
/// with errno, on failure: the old file is then unchanged, and no temporary file is left.
[[nodiscard]] bool put_file(int directory, const std::string& name, std::string_view text,
                            mode_t mode);

struct ReplaceOptions {
  bool may_create = false;  ///< the file need not exist; a new one gets mode 0644
  bool is_synced = false;   ///< the new file is on the disk before it replaces the old one
};

/// As put_file(), but keeps the owner and mode of the file that is replaced.
[[nodiscard]] bool replace_file(int directory, const std::string& name, const std::string& text,
                                const ReplaceOptions& options = {});

}  // namespace nvhook
