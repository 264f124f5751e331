// SPDX-License-Identifier: Apache-2.0
// Which missing nodes matter for which request.
#include "host/nodes/device_needs.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace nvhook {
namespace {

DeviceNode node(DeviceRole role, unsigned major, unsigned minor, unsigned gpu_minor = 0) {
  return {.role = role, .number = {major, minor}, .gpu_minor = gpu_minor};
}

/// Two GPUs, one with the MIG device 1/0 and an unused GPU instance 2.
Inventory host() {
  using Role = MigCapability::Role;
  return {
      .gpus = {{.index = 0, .minor = 2}, {.index = 1, .minor = 5}},
      .nodes = {node(DeviceRole::control, 195, 255), node(DeviceRole::uvm, 511, 0),
                node(DeviceRole::uvm, 511, 1), node(DeviceRole::modeset, 195, 254),
                node(DeviceRole::gpu, 195, 2, 2), node(DeviceRole::gpu, 195, 5, 5),
                node(DeviceRole::mig, 239, 1), node(DeviceRole::mig, 239, 2),
                node(DeviceRole::mig, 239, 30), node(DeviceRole::mig, 239, 31),
                node(DeviceRole::imex, 238, 7)},
      .nvidia_caps_major = 239,
      .mig_capabilities =
          {{.role = Role::config, .minor = 1},
           {.role = Role::monitor, .minor = 2},
           {.role = Role::instance, .gpu_minor = 5, .gpu_instance = 1, .minor = 30},
           {.role = Role::instance,
            .gpu_minor = 5,
            .gpu_instance = 1,
            .compute_instance = 0,
            .minor = 31},
           {.role = Role::instance,
            .gpu_minor = 5,
            .gpu_instance = 1,
            .compute_instance = 1,
            .minor = 32},
           {.role = Role::instance, .gpu_minor = 5, .gpu_instance = 2, .minor = 40},
           {.role = Role::instance, .gpu_minor = 2, .gpu_instance = 1, .minor = 50}},
      .mig_devices = {{.gpu_minor = 5, .gpu_instance = 1, .compute_instance = 0}},
  };
}

Inventory host_without(DeviceRole role, unsigned minor) {
  Inventory inventory = host();
  std::erase_if(inventory.nodes, [&](const DeviceNode& candidate) {
    return candidate.role == role && candidate.number.minor == minor;
  });
  return inventory;
}

const Request kNone{.devices = NoDevices{}};
const Request kAll{.devices = AllDevices{}};
const Request kOne{.devices = DeviceNames{"0"}};

TEST(DeviceNeeds, AreMetByACompleteHost) {
  EXPECT_FALSE(lacks_devices({.devices = AllDevices{},
                              .capabilities = CapabilitySet::all(),
                              .mig_config = true,
                              .mig_monitor = true,
                              .imex_channels = {7}},
                             host()));
}

TEST(DeviceNeeds, TheControlDeviceIsAlwaysOne) {
  EXPECT_TRUE(lacks_devices(kNone, host_without(DeviceRole::control, 255)));
}

TEST(DeviceNeeds, AStaleNodeIsAsGoodAsNone) {
  Inventory inventory = host();
  inventory.nodes[1].is_stale = true;  // nvidia-uvm
  EXPECT_TRUE(lacks_devices(Request{.capabilities = {Capability::compute}}, inventory));
  EXPECT_FALSE(lacks_devices(Request{.capabilities = {Capability::utility}}, inventory));
}

TEST(DeviceNeeds, ComputeAndVideoNeedBothUvmNodes) {
  for (const unsigned minor : {0U, 1U}) {
    const Inventory inventory = host_without(DeviceRole::uvm, minor);
    EXPECT_TRUE(lacks_devices({.capabilities = {Capability::compute}}, inventory)) << minor;
    EXPECT_TRUE(lacks_devices({.capabilities = {Capability::video}}, inventory)) << minor;
    EXPECT_FALSE(lacks_devices({.capabilities = {Capability::utility}}, inventory)) << minor;
  }
}

TEST(DeviceNeeds, DisplayNeedsModeset) {
  const Inventory inventory = host_without(DeviceRole::modeset, 254);
  EXPECT_TRUE(lacks_devices({.capabilities = {Capability::display}}, inventory));
  EXPECT_FALSE(
      lacks_devices({.capabilities = {Capability::compute, Capability::graphics}}, inventory));
}

TEST(DeviceNeeds, EveryGpuCountsIfAnyIsAskedFor) {
  const Inventory inventory = host_without(DeviceRole::gpu, 5);
  EXPECT_TRUE(lacks_devices(kAll, inventory));
  EXPECT_TRUE(lacks_devices(kOne, inventory));
  EXPECT_FALSE(lacks_devices(kNone, inventory));
}

TEST(DeviceNeeds, AMigDeviceNeedsItsTwoInstances) {
  for (const unsigned minor : {30U, 31U}) {
    const Inventory inventory = host_without(DeviceRole::mig, minor);
    EXPECT_TRUE(lacks_devices(kAll, inventory)) << minor;
    EXPECT_FALSE(lacks_devices(kNone, inventory)) << minor;
  }
}

TEST(DeviceNeeds, MigOfADriverWithoutItsDeviceClassDoesNotCount) {
  Inventory inventory = host_without(DeviceRole::mig, 30);
  inventory.nvidia_caps_major.reset();
  EXPECT_FALSE(lacks_devices(kAll, inventory));
}

TEST(DeviceNeeds, MigAdministrationNeedsItsOwnNode) {
  const Inventory no_config = host_without(DeviceRole::mig, 1);
  EXPECT_TRUE(lacks_devices({.mig_config = true}, no_config));
  EXPECT_FALSE(lacks_devices({.mig_monitor = true}, no_config));
  const Inventory no_monitor = host_without(DeviceRole::mig, 2);
  EXPECT_TRUE(lacks_devices({.mig_monitor = true}, no_monitor));
  EXPECT_FALSE(lacks_devices({.mig_config = true}, no_monitor));
}

TEST(DeviceNeeds, EveryImexChannelThatIsAskedForIsOne) {
  EXPECT_FALSE(lacks_devices({.imex_channels = {7}}, host()));
  EXPECT_TRUE(lacks_devices({.imex_channels = {7, 8}}, host()));
}

}  // namespace
}  // namespace nvhook
