// SPDX-License-Identifier: Apache-2.0
// Keeps the probe's last answer until the boot, the driver or the set of GPUs changes.
#pragma once

#include <optional>
#include <string>

#include "host/gpu/driver_details.hpp"
#include "host/gpu/gpu_question.hpp"
#include "os/run_directory.hpp"

namespace nvhook {

/// One file in a directory that only root can write. Problems with it are not errors: they become
/// notes, and the probe is asked.
class GpuQueryCache {
 public:
  GpuQueryCache(RunDirectory directory, std::string key) noexcept
      : directory_(std::move(directory)), key_(std::move(key)) {}

  /// Returns the answer stored under this key, or nullopt; ignores a file that others can write.
  [[nodiscard]] std::optional<DriverDetails> load(Notes& notes) const;
  /// Replaces the file.
  void store(const DriverDetails& details, Notes& notes) const;

 private:
  RunDirectory directory_;
  std::string key_;
};

/// Opens the cache for `query` and makes its directory if that is missing. nullopt if this process
/// is not root.
[[nodiscard]] std::optional<GpuQueryCache> open_gpu_query_cache(const GpuQuery& query,
                                                                Notes& notes);

}  // namespace nvhook
