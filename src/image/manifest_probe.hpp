// SPDX-License-Identifier: Apache-2.0
// Finds the manifests of graphics and OpenCL drivers that an image brings itself.
#pragma once

#include <vector>

#include "image/container_facts.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// Returns the manifests in the directories in which the loaders of Vulkan, EGL and OpenCL look, in
/// the loaders' order; at most 64 of each directory, and only regular files of up to 64 KiB.
/// Everything below `rootfs` is hostile: the texts are compared, never parsed.
[[nodiscard]] std::vector<ImageManifest> find_image_manifests(const RootDir& rootfs);

}  // namespace nvhook
