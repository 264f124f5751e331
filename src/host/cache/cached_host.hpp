// SPDX-License-Identifier: Apache-2.0
// The cached result of reading the host, the dependencies that show whether it still holds, and its
// text format.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/facts/inventory.hpp"
#include "text/note.hpp"
#include "text/paths.hpp"

namespace nvhook {

/// The status of a file or directory that was looked at. While it is the same, a directory has the
/// same entries and a file the same content.
struct CacheDependency {
  HostFile file = {};
  bool exists = false;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  /// Of a directory. procfs changes it when entries come and go, but not the time.
  std::uint64_t links = 0;
  std::int64_t changed_seconds = 0;  ///< st_ctim
  std::int64_t changed_nanoseconds = 0;

  friend bool operator==(const CacheDependency&, const CacheDependency&) = default;
};

/// The facts that are read from many files and seldom change.
struct CachedHost {
  std::vector<Gpu> gpus = {};
  std::vector<DriverFile> files = {};
  Notes notes = {};
  std::vector<CacheDependency> dependencies = {};

  friend bool operator==(const CachedHost&, const CachedHost&) = default;
};

/// Returns `cached` as a text whose first line is `key`, which says what was asked. nullopt if a
/// field contains a line end or a tab.
[[nodiscard]] std::optional<std::string> to_text(const CachedHost& cached, std::string_view key);

/// Parses a complete text with this key. nullopt for any other text.
[[nodiscard]] std::optional<CachedHost> parse_cached_host(std::string_view text,
                                                          std::string_view key);

}  // namespace nvhook
