// SPDX-License-Identifier: Apache-2.0
// Finds the driver's libraries below the driver root.
#pragma once

#include <vector>

#include "host/driver/driver_search.hpp"
#include "host/facts/inventory.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// The driver's libraries that exist, 64-bit, then 32-bit, each in the component table's order;
/// each found through the loader cache of `root`, beside a library found so, in a configured
/// directory, or, where the cache knows no driver, in a well-known one. Each is an ELF object of
/// its ABI and has the version that its row demands. Throws as find_driver_files.
[[nodiscard]] std::vector<DriverFile> find_libraries(const RootDir& root,
                                                     const DriverFileQuery& query, Notes& notes);

}  // namespace nvhook
