// SPDX-License-Identifier: Apache-2.0
// The text of a symbolic link.
#pragma once

#include <optional>
#include <string>

namespace nvhook {

/// The text of the link `name` in `directory`, or of `directory` itself, opened with O_PATH, if
/// `name` is empty. Never empty; nullopt with errno if it is no link or cannot be read
/// (ENAMETOOLONG: it is as long as a path may be, or longer).
[[nodiscard]] std::optional<std::string> read_link_at(int directory, const char* name);

}  // namespace nvhook
