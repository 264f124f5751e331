// SPDX-License-Identifier: Apache-2.0
// The cache of what was read of the host: one file below /run, believed as long as no dependency
// has changed.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "host/cache/cached_host.hpp"
#include "os/root_dir.hpp"
#include "os/run_directory.hpp"

namespace nvhook {

/// The roots below which the host is read.
struct HostRoots {
  const RootDir& system;
  const RootDir& driver;
};

struct HostCacheFile {
  std::string directory = kRunDirectory;
  std::string file = {};
  /// Everything that the result depends on besides the files of the host; a part of the key.
  std::string question = {};
};

class HostCache {
 public:
  /// Returns nullopt if nothing can be cached: the caller is not root, the directory is not safe,
  /// or an identity is unknown.
  [[nodiscard]] static std::optional<HostCache> at(const HostCacheFile& place,
                                                   const HostRoots& roots, Notes& notes);

  /// Returns what is cached if every dependency is unchanged.
  [[nodiscard]] std::optional<CachedHost> recall(Notes& notes) const;

  /// Stores `cached`, which was read since `started` with the lookups `system` and `driver`, unless
  /// a change could have been missed.
  void keep(CachedHost cached, const std::vector<Lookup>& system, const std::vector<Lookup>& driver,
            std::time_t started, Notes& notes) const;

 private:
  HostCache(RunDirectory directory, std::string file, std::string key,
            const HostRoots& roots) noexcept
      : directory_(std::move(directory)),
        file_(std::move(file)),
        key_(std::move(key)),
        roots_(roots) {}

  RunDirectory directory_;
  std::string file_;
  std::string key_;
  HostRoots roots_;
};

}  // namespace nvhook
