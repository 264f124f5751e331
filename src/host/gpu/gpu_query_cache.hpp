// SPDX-License-Identifier: Apache-2.0
// The probe's last answer, kept until the next boot, driver or set of GPUs.
#pragma once

#include <optional>
#include <string>

#include "host/gpu/driver_details.hpp"
#include "host/gpu/gpu_question.hpp"
#include "os/run_directory.hpp"

namespace nvhook {

/// One file in a directory that only root can write. Nothing about it is an error: what is odd is a
/// note, and the probe is asked.
class GpuQueryCache {
 public:
  GpuQueryCache(RunDirectory directory, std::string key) noexcept
      : directory_(std::move(directory)), key_(std::move(key)) {}

  /// The answer that was stored under this key, if the file is root's alone.
  [[nodiscard]] std::optional<DriverDetails> load(Notes& notes) const;
  /// Replaces the file.
  void store(const DriverDetails& details, Notes& notes) const;

 private:
  RunDirectory directory_;
  std::string key_;
};

/// The cache for `query`, its directory made if it is missing. Nothing for a process that is not
/// root.
[[nodiscard]] std::optional<GpuQueryCache> open_gpu_query_cache(const GpuQuery& query,
                                                                Notes& notes);

}  // namespace nvhook
