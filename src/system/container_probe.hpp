// SPDX-License-Identifier: Apache-2.0
// Reads the container's root file system.
#pragma once

#include "core/container_facts.hpp"
#include "system/root_dir.hpp"

namespace nvhook {

/// Where libraries go in this image (behaviour.md §7.3). Reads names only; everything below
/// `rootfs` is hostile.
[[nodiscard]] ContainerFacts probe_container(const RootDir& rootfs);

}  // namespace nvhook
