// SPDX-License-Identifier: Apache-2.0
// Device nodes and MIG devices in directory trees that look like hosts.
#include "host/nodes/device_probe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "host/host_probe.hpp"
#include "support/hosts.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

Inventory read(const test::FakeHost& host, const Request& request = {}) {
  const auto root = open_root(host.tree().path());
  return probe_host({.system = *root, .driver = *root}, request);
}

std::vector<std::string> nodes(const Inventory& inventory, DeviceRole role) {
  std::vector<std::string> paths;
  for (const DeviceNode& node : inventory.nodes) {
    if (node.role != role) continue;
    paths.push_back(node.file.path.str() + " " + std::to_string(node.number.major) + ":" +
                    std::to_string(node.number.minor));
  }
  return paths;
}

TEST(DeviceProbe, MigDevicesAreTheDirectoriesThatExistInNumericalOrder) {
  const Inventory inventory = read(test::mig_host());
  ASSERT_EQ(inventory.mig_devices.size(), 14U);
  EXPECT_EQ(inventory.mig_devices[0],
            (MigDevice{.gpu_minor = 0, .gpu_instance = 7, .compute_instance = 0}));
  EXPECT_EQ(inventory.mig_devices[3].gpu_instance, 10U) << "10 is not before 7";
  EXPECT_EQ(inventory.mig_devices[13],
            (MigDevice{.gpu_minor = 1, .gpu_instance = 13, .compute_instance = 0}));
  // Two nodes for each; the table of minors has many more.
  EXPECT_EQ(nodes(inventory, DeviceRole::mig).size(), 28U);
}

TEST(DeviceProbe, WithoutTheTableOfMinorsTheCapabilityFilesTell) {
  const test::FakeHost host = test::mig_host();
  const Inventory with = read(host);
  std::filesystem::remove(host.tree().below("/proc/driver/nvidia-caps/mig-minors"));
  const Inventory without = read(host);
  EXPECT_EQ(nodes(without, DeviceRole::mig), nodes(with, DeviceRole::mig));
}

TEST(DeviceProbe, MigAdministrationNodesAreReadOnlyWhenAsked) {
  const auto config_node = [](const Inventory& inventory) {
    return testing::Value(nodes(inventory, DeviceRole::mig),
                          testing::Contains("/dev/nvidia-caps/nvidia-cap1 239:1"));
  };
  EXPECT_FALSE(config_node(read(test::mig_host())));
  EXPECT_TRUE(config_node(read(test::mig_host(), Request{.mig_config = true})));
}

TEST(DeviceProbe, DrmNodesAndTheirLinksAreThoseOfTheGpusAndOnlyForGraphics) {
  const test::FakeHost host = test::named_host("ubuntu");
  EXPECT_THAT(nodes(read(host), DeviceRole::drm), IsEmpty());
  const Inventory inventory = read(host, Request{.capabilities = {Capability::graphics}});
  EXPECT_THAT(nodes(inventory, DeviceRole::drm),
              UnorderedElementsAre("/dev/dri/card1 226:1", "/dev/dri/renderD128 226:128"));
  EXPECT_THAT(inventory.device_links,
              ElementsAre(DeviceLink{"/dev/dri/by-path/pci-0000:01:00.0-card", "../card1", 0}));
}

TEST(DeviceProbe, ALinkThatLeavesDevDriIsNotTold) {
  const test::FakeHost host = test::named_host("ubuntu");
  host.tree().link("/dev/dri/by-path/pci-0000:01:00.0-render", "../../etc/passwd");
  EXPECT_EQ(read(host, Request{.capabilities = {Capability::graphics}}).device_links.size(), 1U);
}

TEST(DeviceProbe, ImexChannelsAreThoseThatAreAskedForAndExist) {
  const test::FakeHost host = test::named_host("ubuntu");
  host.tree().write("/proc/devices", "Character devices:\n501 nvidia-caps-imex-channels\n");
  host.tree().write("/dev/nvidia-caps-imex-channels/channel3");
  host.tree().write("/dev/nvidia-caps-imex-channels/channel4");
  EXPECT_THAT(nodes(read(host, Request{.imex_channels = {3, 9}}), DeviceRole::imex),
              ElementsAre("/dev/nvidia-caps-imex-channels/channel3 501:3"));
  EXPECT_THAT(nodes(read(host, Request{.imex_channels = {3, 9}, .all_imex_channels = true}),
                    DeviceRole::imex),
              ElementsAre("/dev/nvidia-caps-imex-channels/channel3 501:3",
                          "/dev/nvidia-caps-imex-channels/channel4 501:4"));
}

TEST(DeviceProbe, NodesOfFeaturesAreReadAsTheyAre) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to make device nodes: run ctest as root";
  const test::FakeHost host = test::named_host("ubuntu");
  const auto make = [&](const std::string& path, unsigned major, unsigned minor) {
    const auto file = host.tree().below(path);
    std::filesystem::create_directories(file.parent_path());
    return ::mknod(file.c_str(), S_IFCHR | 0666, makedev(major, minor)) == 0;
  };
  if (!make("/dev/nvidia-fs0", 234, 0)) GTEST_SKIP() << "device nodes are refused here";
  ASSERT_TRUE(make("/dev/infiniband/uverbs0", 231, 192) && make("/dev/gdrdrv", 235, 0) &&
              make("/dev/infiniband/rdma_cm", 10, 58) && make("/dev/nvidia-nvswitchctl", 510, 255));
  host.tree().write("/dev/nvidia-fs1");  // not a device
  const Inventory inventory = read(
      host, Request{.features = {.gds = true, .mofed = true, .gdrcopy = true, .nvswitch = true}});
  EXPECT_THAT(nodes(inventory, DeviceRole::gds), ElementsAre("/dev/nvidia-fs0 234:0"));
  EXPECT_THAT(
      nodes(inventory, DeviceRole::mofed),
      UnorderedElementsAre("/dev/infiniband/uverbs0 231:192", "/dev/infiniband/rdma_cm 10:58"));
  EXPECT_THAT(nodes(inventory, DeviceRole::gdrcopy), ElementsAre("/dev/gdrdrv 235:0"));
  EXPECT_THAT(nodes(inventory, DeviceRole::nvswitch),
              ElementsAre("/dev/nvidia-nvswitchctl 510:255"));
  EXPECT_THAT(nodes(read(host), DeviceRole::gds), IsEmpty());
}

TEST(DeviceProbe, ANodeOfAnEarlierMajorNumberIsStale) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to make device nodes: run ctest as root";
  const test::FakeHost host = test::named_host("ubuntu");
  const auto path = host.tree().below("/dev/nvidia-uvm");
  std::filesystem::remove(path);
  if (::mknod(path.c_str(), S_IFCHR | 0666, makedev(510, 0)) != 0) {
    GTEST_SKIP() << "device nodes are refused here";
  }
  const Inventory inventory = read(host);
  for (const DeviceNode& node : inventory.nodes) {
    EXPECT_EQ(node.is_stale, node.file.path.str() == "/dev/nvidia-uvm") << node.file.path.str();
  }
}

TEST(DeviceProbe, OnWsl2TheOnlyNodeIsDxg) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to make device nodes: run ctest as root";
  const test::TemporaryDirectory tree;
  tree.directory("/dev");
  if (::mknod(tree.below("/dev/dxg").c_str(), S_IFCHR | 0666, makedev(10, 125)) != 0) {
    GTEST_SKIP() << "device nodes are refused here";
  }
  const auto root = open_root(tree.path());
  const Inventory inventory = probe_kernel_driver({.system = *root, .driver = *root}, {});
  EXPECT_TRUE(inventory.is_wsl);
  EXPECT_THAT(nodes(inventory, DeviceRole::dxg), ElementsAre("/dev/dxg 10:125"));
}

}  // namespace
}  // namespace nvhook
