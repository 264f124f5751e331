// SPDX-License-Identifier: Apache-2.0
// A full buffer may hold only a part of the text, so it counts as an error.
#include "os/read_link.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>

namespace nvhook {

std::optional<std::string> read_link_at(int directory, const char* name) {
  std::array<char, PATH_MAX> text;  // NOLINT(*-member-init): readlink fills it
  const ssize_t length = ::readlinkat(directory, name, text.data(), text.size());
  if (length < 0) return std::nullopt;
  if (length == 0) errno = ENOENT;
  if (static_cast<std::size_t>(length) == text.size()) errno = ENAMETOOLONG;
  if (length == 0 || static_cast<std::size_t>(length) == text.size()) return std::nullopt;
  return std::string(text.data(), static_cast<std::size_t>(length));
}

}  // namespace nvhook
