// SPDX-License-Identifier: Apache-2.0
// Reads the text of a symbolic link.
#pragma once

#include <optional>
#include <string>

namespace nvhook {

/// Returns the text of the link `name` in `directory`; if `name` is empty, of the link that
/// `directory` itself refers to (opened with O_PATH). Never returns an empty text. nullopt, with
/// errno, if it is not a link or cannot be read; ENAMETOOLONG if it has PATH_MAX bytes or more.
[[nodiscard]] std::optional<std::string> read_link_at(int directory, const char* name);

}  // namespace nvhook
