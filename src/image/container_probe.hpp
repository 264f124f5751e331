// SPDX-License-Identifier: Apache-2.0
// Reads what the planner must know of the container's root file system.
#pragma once

#include "image/container_facts.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// Returns the library directories of this image (docs/behaviour.md §7.3) and what `query` asks
/// for. Everything below `rootfs` is hostile.
[[nodiscard]] ContainerFacts probe_container(const RootDir& rootfs, const ContainerQuery& query);

/// Returns what probe_container returns for an image without any file.
[[nodiscard]] ContainerFacts empty_image();

}  // namespace nvhook
