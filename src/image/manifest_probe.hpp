// SPDX-License-Identifier: Apache-2.0
// Finds the manifests of graphics and OpenCL drivers that an image brings itself.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "image/container_facts.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// Returns the manifests in `directories` (`vulkan/icd.d`) below those that the loaders of Vulkan,
/// EGL and OpenCL search, in the loaders' order; at most 64 of each directory, and only regular
/// files of up to 64 KiB on the mount of the root file system itself: on one of these a file of
/// ours will be mounted, so a link of the image must not choose a file of procfs or of a volume.
/// Before Linux 5.8, which cannot tell mounts, there are none. Everything below `rootfs` is
/// hostile: the texts are compared, never parsed.
[[nodiscard]] std::vector<ImageManifest> find_image_manifests(
    const RootDir& rootfs, const std::set<std::string>& directories);

}  // namespace nvhook
