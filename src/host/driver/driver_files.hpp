// SPDX-License-Identifier: Apache-2.0
// Finds the driver's user-space files below the driver root.
#pragma once

#include <vector>

#include "host/driver/driver_search.hpp"
#include "host/facts/inventory.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// Returns the files of the component table that exist, resolved, in the order of Inventory::files,
/// but not the endpoints of daemons. Throws Error(driver_files_missing) if there is no
/// libnvidia-ml, and Error(driver_version_mismatch) if only other versions of it are there.
[[nodiscard]] std::vector<DriverFile> find_driver_files(const RootDir& root,
                                                        const DriverFileQuery& query, Notes& notes);

/// Returns the sockets and directories of the driver's daemons on which a daemon listens. Those
/// that another user than root could have made, in a directory that others can write, are left out.
/// What is left out becomes a note, never an Error.
[[nodiscard]] std::vector<DriverFile> find_endpoints(const RootDir& root,
                                                     const DriverFileQuery& query, Notes& notes);

}  // namespace nvhook
