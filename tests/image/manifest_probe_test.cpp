// SPDX-License-Identifier: Apache-2.0
// Manifests of a hostile image, on real mounts.
#include "image/manifest_probe.hpp"

#include <gmock/gmock.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "inject/container_process.hpp"
#include "support/test_container.hpp"

namespace nvhook::test {
namespace {

const std::set<std::string> kDirectories{"vulkan/icd.d"};

void write_manifest(const std::string& file) {
  std::filesystem::create_directories(std::filesystem::path(file).parent_path());
  std::ofstream(file) << "libGLX_nvidia.so.0";
}

TEST(ManifestProbe, AVolumeOrProcfsHasNone) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to make mount namespaces: run ctest as root";
  const TestContainer container(
      [](const TemporaryDirectory& tree) {
        tree.directory("/vol");
        tree.directory("/usr/share/vulkan");
        tree.write("/usr/share/vulkan/icd.d/own.json", "libGLX_nvidia.so.0");
        tree.link("/usr/share/vulkan/icd.d/proc.json", "/proc/version");
        tree.link("/usr/share/vulkan/icd.d/volume.json", "/vol/file");
      },
      [](const std::string& root) {
        ::mount("none", (root + "/vol").c_str(), "tmpfs", 0, nullptr);
        write_manifest(root + "/vol/file");
        ::mount("none", (root + "/etc").c_str(), "tmpfs", 0, nullptr);
        write_manifest(root + "/etc/vulkan/icd.d/volume.json");
      });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  const ContainerProcess process(container.pid());
  const RootDir root = process.open_rootfs(container.rootfs());
  ASSERT_TRUE(root.read("/etc/vulkan/icd.d/volume.json", 100));
  std::vector<std::string> found;
  for (const ImageManifest& manifest : find_image_manifests(root, kDirectories)) {
    found.push_back(manifest.path.str());
  }
  EXPECT_THAT(found, ::testing::ElementsAre("/usr/share/vulkan/icd.d/own.json"));
}

}  // namespace
}  // namespace nvhook::test
