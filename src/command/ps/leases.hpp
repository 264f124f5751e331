// SPDX-License-Identifier: Apache-2.0
// Reads the leases of this host for a sample.
#pragma once

#include "command/ps/sample.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// Adds the leases to `sample`. A registry that cannot be read becomes a note of the sample.
void read_leases(Sample& sample, const RootDir& system);

}  // namespace nvhook
