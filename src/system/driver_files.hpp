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
  /// Library directories to search beside those that are found otherwise.
  std::vector<std::string> search_path = {};
  /// Directories that the kernel loads firmware from, first come first served.
  std::vector<std::string> firmware_directories = {};
  Version driver = {};
  /// WSL2, where files have versions of their own and Windows' driver store is searched.
  bool any_version = false;
  /// Files of other capabilities are not looked for; libnvidia-ml always is, as proof of an
  /// installed driver.
  CapabilitySet wanted = {};
};

/// The files of the component table that exist, resolved, in the order of Inventory::files, but for
/// the endpoints of daemons. Throws Error(driver_files_missing, driver_version_mismatch) for
/// libnvidia-ml.
[[nodiscard]] std::vector<DriverFile> find_driver_files(const RootDir& root,
                                                        const DriverFileQuery& query, Notes& notes);

/// The sockets and directories of the driver's daemons that somebody listens on, and that nobody
/// but root can have made where others can write. What is left out is a note, never an Error.
[[nodiscard]] std::vector<DriverFile> find_endpoints(const RootDir& root,
                                                     const DriverFileQuery& query, Notes& notes);

}  // namespace nvhook
