// SPDX-License-Identifier: Apache-2.0
// What the last reading of the host told, kept below /run and believed as long as nothing that it
// depends on has changed.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "host/cache/cached_host.hpp"
#include "os/root_dir.hpp"
#include "os/run_directory.hpp"

namespace nvhook {

/// The roots that the host is read below.
struct HostRoots {
  const RootDir& system;
  const RootDir& driver;
};

struct HostCacheFile {
  std::string directory = kRunDirectory;
  std::string file = {};
  /// All that the answer depends on besides the files of the host.
  std::string question = {};
};

class HostCache {
 public:
  /// Nothing where nothing can be kept.
  [[nodiscard]] static std::optional<HostCache> at(const HostCacheFile& place,
                                                   const HostRoots& roots, Notes& notes);

  /// What is kept, if every dependency tells the same as then.
  [[nodiscard]] std::optional<CachedHost> recall(Notes& notes) const;

  /// Keeps `cached`, which was read since `started` by `system` and `driver` lookups, unless a
  /// change could have gone unseen.
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
