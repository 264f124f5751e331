// SPDX-License-Identifier: Apache-2.0
// Which GPUs and MIG devices a set of open nodes leads to.
#include "command/containers/driver_devices.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nvhook {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

DeviceNode gpu_node(unsigned minor) {
  return {.role = DeviceRole::gpu,
          .file = {.path = HostPath("/dev/nvidia" + std::to_string(minor))},
          .number = {195, minor},
          .gpu_minor = minor};
}

MigCapability capability(unsigned instance, std::optional<unsigned> compute, unsigned minor) {
  return {.role = MigCapability::Role::instance,
          .gpu_minor = 5,
          .gpu_instance = instance,
          .compute_instance = compute,
          .minor = minor};
}

/// Two GPUs, whose minors are not their indices. The second has GPU instance 7 with two compute
/// instances, and GPU instance 8 with one.
Inventory inventory() {
  Inventory host;
  host.gpus = {{.index = 0, .minor = 3, .uuid = "GPU-a"},
               {.index = 1, .minor = 5, .uuid = "GPU-b"}};
  host.nodes = {{.role = DeviceRole::control, .number = {195, 255}}, gpu_node(3), gpu_node(5)};
  host.nodes.push_back({.role = DeviceRole::drm,
                        .file = {.path = HostPath("/dev/dri/renderD128")},
                        .number = {226, 128},
                        .gpu_minor = 3});
  host.nvidia_caps_major = 239;
  host.mig_devices = {
      {.gpu_minor = 5, .gpu_instance = 7, .compute_instance = 0, .index = 0, .uuid = "MIG-a"},
      {.gpu_minor = 5, .gpu_instance = 7, .compute_instance = 1},
      {.gpu_minor = 5, .gpu_instance = 8, .compute_instance = 0}};
  host.mig_capabilities = {capability(7, {}, 70), capability(7, 0, 71), capability(7, 1, 72),
                           capability(8, {}, 80), capability(8, 0, 81)};
  return host;
}

class OpenNodes : public testing::Test {
 protected:
  [[nodiscard]] std::vector<std::string> devices(const std::set<DeviceNumber>& numbers) const {
    std::vector<std::string> names;
    for (const std::size_t at : driver_.behind(numbers))
      names.push_back(driver_.devices()[at].name);
    return names;
  }

  DriverDevices driver_{inventory()};
};

TEST_F(OpenNodes, LeadToTheGpuOfTheirMinorNumber) {
  EXPECT_THAT(devices({{195, 3}}), ElementsAre("0"));
  EXPECT_THAT(devices({{195, 5}, {195, 255}}), ElementsAre("1"));
  EXPECT_THAT(devices({{226, 128}}), ElementsAre("0"));
}

TEST_F(OpenNodes, OfTheDriverAloneLeadToNone) {
  EXPECT_TRUE(driver_.contains({195, 255}));
  EXPECT_FALSE(driver_.contains({1, 3}));
  EXPECT_THAT(devices({{195, 255}}), IsEmpty());
  EXPECT_THAT(devices({}), IsEmpty());
}

TEST_F(OpenNodes, LeadToMigDevicesWhereTheGpuIsOpenToo) {
  EXPECT_THAT(devices({{195, 5}, {239, 70}, {239, 71}}), ElementsAre("1:0"));
  EXPECT_THAT(devices({{195, 5}, {239, 70}, {239, 72}}), ElementsAre("1:gi7/ci1"));
  EXPECT_THAT(devices({{195, 3}, {195, 5}, {239, 80}, {239, 81}}), ElementsAre("0", "1:gi8/ci0"));
}

TEST_F(OpenNodes, OfAGpuInstanceAloneLeadToAllOfIt) {
  EXPECT_THAT(devices({{195, 5}, {239, 70}}), ElementsAre("1:0", "1:gi7/ci1"));
}

}  // namespace
}  // namespace nvhook
