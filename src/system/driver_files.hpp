// SPDX-License-Identifier: Apache-2.0
// Finds the driver's user-space files below the driver root.
#pragma once

#include <string>
#include <vector>

#include "core/capability.hpp"
#include "core/inventory.hpp"
#include "system/root_dir.hpp"

namespace nvhook {

struct DriverFileQuery {
  std::string loader_cache = "/etc/ld.so.cache";
  std::string mps_pipe_directory = "/tmp/nvidia-mps";
  Version driver = {};
  /// Files of other capabilities are not looked for; libnvidia-ml always is, as proof of an
  /// installed driver.
  CapabilitySet wanted = {};
};

/// The files of the component table that exist, resolved, in the table's order. A library is found
/// through the loader cache of `root` or in a well-known directory, must be an ELF object of its
/// ABI, and its file name must end in the driver's version. Throws Error(driver_files_missing,
/// driver_version_mismatch) for libnvidia-ml.
[[nodiscard]] std::vector<DriverFile> find_driver_files(const RootDir& root,
                                                        const DriverFileQuery& query, Notes& notes);

}  // namespace nvhook
