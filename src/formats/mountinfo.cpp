// SPDX-License-Identifier: Apache-2.0
// Splits a line at its spaces, without allocations.
#include "formats/mountinfo.hpp"

#include <algorithm>

#include "text/text.hpp"

namespace nvhook {
namespace {

/// Removes the first word from `line` and returns it.
std::string_view next_word(std::string_view& line) {
  const auto end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

}  // namespace

std::optional<MountinfoLine> parse_mountinfo_line(std::string_view line) {
  const auto dash = line.find(" - ");
  if (dash == std::string_view::npos) return std::nullopt;
  std::string_view filesystem = line.substr(dash + 3);
  const auto id = parse_unsigned(next_word(line));
  const auto parent = parse_unsigned(next_word(line));
  if (!id || !parent) return std::nullopt;
  MountinfoLine mount{.id = *id, .parent = *parent};
  mount.device = next_word(line);
  mount.root = next_word(line);
  mount.point = next_word(line);
  mount.type = next_word(filesystem);
  next_word(filesystem);  // source
  mount.super_options = filesystem;
  return mount.point.starts_with('/') ? std::optional(mount) : std::nullopt;
}

std::uint64_t peer_group_of(std::string_view line) {
  constexpr std::string_view kShared = " shared:";
  // Spaces in the names before it are escaped.
  const std::string_view mount = line.substr(0, line.find(" - "));
  const auto at = mount.find(kShared);
  if (at == std::string_view::npos) return 0;
  std::string_view rest = mount.substr(at + kShared.size());
  return parse_unsigned(next_word(rest)).value_or(0);
}

std::string unescape_mountinfo(std::string_view text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto value = text[at] == '\\' && at + 3 < text.size()
                           ? parse_unsigned(text.substr(at + 1, 3), 8)
                           : std::nullopt;
    plain += value ? static_cast<char>(*value) : text[at];
    if (value) at += 3;
  }
  return plain;
}

std::optional<std::string_view> rest_below(std::string_view path, std::string_view directory) {
  if (directory == "/") return path == "/" ? std::string_view() : path;
  if (!path.starts_with(directory)) return std::nullopt;
  path.remove_prefix(directory.size());
  if (!path.empty() && path.front() != '/') return std::nullopt;
  return path == "/" ? std::string_view() : path;
}

}  // namespace nvhook
