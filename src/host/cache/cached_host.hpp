// SPDX-License-Identifier: Apache-2.0
// What reading the host told, with what shows whether it would tell the same again; and the text in
// which it is kept.
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

/// What stat(2) tells of a file or directory that was looked at: as long as it tells the same, a
/// directory has the same entries and a file the same content.
struct CacheDependency {
  HostFile file = {};
  bool exists = false;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  /// Of a directory: procfs counts those in it, but keeps no time of their coming.
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

/// `cached` as a text whose first line is `key`, which says what was asked. Nothing if a part of it
/// has a line end or a tab in it.
[[nodiscard]] std::optional<std::string> to_text(const CachedHost& cached, std::string_view key);

/// The cached of a whole text with this key; nothing for any other bytes.
[[nodiscard]] std::optional<CachedHost> parse_cached_host(std::string_view text,
                                                          std::string_view key);

}  // namespace nvhook
