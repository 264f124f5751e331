// SPDX-License-Identifier: Apache-2.0
// Finds the driver's user-space files below the driver root.
#pragma once

#include <vector>

#include "host/driver/driver_search.hpp"
#include "host/facts/inventory.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

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
