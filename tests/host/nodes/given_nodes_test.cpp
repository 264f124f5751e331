// SPDX-License-Identifier: Apache-2.0
// Which GPUs a container has that was given the nodes of some.
#include "host/nodes/given_nodes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include "support/device_host.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

DeviceNode gpu_node(unsigned minor) {
  return {.role = DeviceRole::gpu, .number = {195, minor}, .gpu_minor = minor};
}

/// Three GPUs, of which one has a node; that has two MIG devices, of which one has its node.
Inventory partial() {
  using Role = MigCapability::Role;
  return {.gpus = {{.index = 0, .minor = 2}, {.index = 1, .minor = 3}, {.index = 2, .minor = 0}},
          .nodes = {gpu_node(3), {.role = DeviceRole::mig, .number = {239, 31}, .gpu_minor = 3}},
          .nvidia_caps_major = 239,
          .mig_capabilities =
              {{.role = Role::instance, .gpu_minor = 3, .gpu_instance = 1, .minor = 31},
               {.role = Role::instance, .gpu_minor = 3, .gpu_instance = 2, .minor = 40}},
          .mig_devices = {{.gpu_minor = 2, .gpu_instance = 1},
                          {.gpu_minor = 3, .gpu_instance = 1},
                          {.gpu_minor = 3, .gpu_instance = 2}}};
}

TEST(GivenNodes, OnlyDevicesWithNodesStayAndKeepTheirIndices) {
  Inventory inventory = partial();
  leave_out_withheld(inventory);
  EXPECT_TRUE(inventory.nodes_are_given);
  ASSERT_THAT(inventory.gpus, SizeIs(1));
  EXPECT_EQ(inventory.gpus[0].index, 1U);
  EXPECT_THAT(inventory.mig_devices, ElementsAre(MigDevice{.gpu_minor = 3, .gpu_instance = 1}));
  ASSERT_THAT(inventory.notes, SizeIs(2));
  EXPECT_THAT(inventory.notes[0].text, HasSubstr("GPU 0, 2 left out: this is a container"));
  EXPECT_THAT(inventory.notes[1].text, HasSubstr("2 MIG devices left out"));
}

TEST(GivenNodes, WithoutAnyNodeAllStaySoThatTheErrorNamesOne) {
  Inventory inventory = partial();
  inventory.nodes.clear();
  leave_out_withheld(inventory);
  EXPECT_THAT(inventory.gpus, SizeIs(3));
  EXPECT_THAT(inventory.notes, IsEmpty());
}

TEST(GivenNodes, AnotherHostsNodesAreNotJudgedByOurNamespaces) {
  const test::FakeHost host;
  const auto root = open_root(host.tree().path());
  EXPECT_FALSE(are_nodes_given({.system = *root, .driver = *root}));
}

using GivenNodesOfAHost = test::DeviceHost;

TEST_F(GivenNodesOfAHost, AMountedNodeIsProofAndAPlainOneIsNot) {
  on_host([&] {
    put_node("/dev/nvidia3", 195, 3);
    put_node("/dev/passed", 195, 3);
    test::require(::chroot(path("/").c_str()) == 0 && ::chdir("/") == 0, "chroot");
    const auto root = open_root("/");
    EXPECT_FALSE(are_nodes_given({.system = *root, .driver = *root}));
    test::require(::mount("/dev/passed", "/dev/nvidia3", nullptr, MS_BIND, nullptr) == 0, "bind");
    EXPECT_TRUE(are_nodes_given({.system = *root, .driver = *root}));
  });
}

TEST_F(GivenNodesOfAHost, ADevThatRuntimesMountIsProof) {
  on_host([&] {
    test::require(::chroot(path("/").c_str()) == 0 && ::chdir("/") == 0, "chroot");
    const auto root = open_root("/");
    EXPECT_FALSE(are_nodes_given({.system = *root, .driver = *root}));
    test::require(::mount("tmpfs", "/dev", "tmpfs", 0, nullptr) == 0, "mount a tmpfs");
    EXPECT_TRUE(are_nodes_given({.system = *root, .driver = *root}));
  });
}

}  // namespace
}  // namespace nvhook
