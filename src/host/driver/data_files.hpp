// SPDX-License-Identifier: Apache-2.0
// Finds the driver's data files below the driver root: manifests, profiles, weights.
#pragma once

#include <vector>

#include "host/driver/driver_search.hpp"
#include "host/facts/inventory.hpp"
#include "os/root_dir.hpp"
#include "text/note.hpp"

namespace nvhook {

/// Returns the data files of the component table that exist, in its order; of several with one
/// name the first, in the order of kDataDirectories. A manifest belongs to the ABI of the library
/// that it names: those of 32-bit libraries come only with compat32, those of a foreign
/// architecture never. Of several manifests for one library one is taken, because loaders would
/// show each GPU once for each. What is left out becomes a note.
[[nodiscard]] std::vector<DriverFile> find_data_files(const RootDir& root,
                                                      const DriverFileQuery& query, Notes& notes);

}  // namespace nvhook
