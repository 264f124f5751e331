// SPDX-License-Identifier: Apache-2.0
// Finds the driver's libraries below the driver root.
#pragma once

#include <vector>

#include "host/driver/driver_search.hpp"
#include "host/facts/inventory.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// Returns the driver's libraries that exist, 64-bit, then 32-bit, each in the component table's
/// order. They are found in the configured directories, in the loader cache of `root`, beside
/// libraries found so far, or, if the cache has no driver, in well-known directories. Each is an
/// ELF object of its ABI and has the version that its row demands. Throws what find_driver_files
/// throws.
[[nodiscard]] std::vector<DriverFile> find_libraries(const RootDir& root,
                                                     const DriverFileQuery& query, Notes& notes);

}  // namespace nvhook
