// SPDX-License-Identifier: Apache-2.0
// What Docker keeps of a container that does not run.
#pragma once

#include "command/containers/container_records.hpp"
#include "command/engines/container_settings.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// Reads the files in `record.docker_files`. Throws Error(spec_unreadable) if one is not there or
/// may not be read, and Error(spec_invalid) if one is malformed.
[[nodiscard]] ContainerSettings docker_settings(const ContainerRecord& record,
                                                const RootDir& system);

}  // namespace nvhook
