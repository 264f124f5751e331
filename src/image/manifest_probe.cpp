// SPDX-License-Identifier: Apache-2.0
// The directories are those that loaders search without help of the environment.
#include "image/manifest_probe.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "os/file_status.hpp"
#include "os/mount_id.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxManifest = 64UL << 10U;
constexpr std::size_t kMaxManifests = 64;

constexpr std::array kBases{"/etc/xdg", "/etc", "/usr/local/etc", "/usr/local/share", "/usr/share"};
void add_directory(const RootDir& rootfs, const std::string& directory,
                   std::vector<ImageManifest>& manifests) {
  auto names = rootfs.list(directory, [](std::string_view name) {
    return name.ends_with(".json") || name.ends_with(".icd");
  });
  names.resize(std::min(names.size(), kMaxManifests));
  for (const std::string& name : names) {
    const std::string path = (directory + "/").append(name);
    // A link is covered where it leads to: nothing can be mounted on a link.
    const UniqueFd fd = rootfs.open(path, O_PATH);
    if (!fd || !on_same_mount(fd.get(), rootfs.fd())) continue;
    if (!status_of(fd.get()).is_regular()) continue;
    const std::string resolved = rootfs.path_of(fd.get());
    auto text = resolved.empty() ? std::nullopt : rootfs.read(resolved, kMaxManifest);
    if (!text) continue;
    manifests.push_back({.found_as = ContainerPath(path),
                         .path = ContainerPath(resolved),
                         .text = *std::move(text)});
  }
}

}  // namespace

std::vector<ImageManifest> find_image_manifests(const RootDir& rootfs,
                                                const std::set<std::string>& directories) {
  std::vector<ImageManifest> manifests;
  for (const std::string& directory : directories) {
    for (const char* base : kBases) {
      add_directory(rootfs, (std::string(base) + "/").append(directory), manifests);
    }
  }
  return manifests;
}

}  // namespace nvhook
