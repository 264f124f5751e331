// SPDX-License-Identifier: Apache-2.0
// What a container has, from its nodes and what its cgroups decide.
#include "command/ps/given_devices.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nvhook {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr DeviceNumber kFirst{.major = 195, .minor = 0};
constexpr DeviceNumber kSecond{.major = 195, .minor = 1};

Inventory two_gpus() {
  Inventory host;
  for (const unsigned index : {0U, 1U}) {
    host.gpus.push_back({.index = index, .minor = index});
    host.nodes.push_back({.role = DeviceRole::gpu, .number = {195, index}, .gpu_minor = index});
  }
  return host;
}

class GivenToAContainer : public testing::Test {
 protected:
  DriverDevices driver_{two_gpus()};
};

Verdicts verdicts(std::optional<bool> first, std::optional<bool> second,
                  std::optional<bool> other) {
  return {{kFirst, first}, {kSecond, second}, {kNoDevice, other}};
}

TEST_F(GivenToAContainer, AreItsNodesWhetherOrNotTheyMayBeOpened) {
  const std::set<DeviceNumber> both{kFirst, kSecond};
  EXPECT_THAT(given_devices(driver_, both, verdicts(true, false, false)).devices,
              ElementsAre(GivenDevice{0, Permission::allowed}, GivenDevice{1, Permission::denied}));
  EXPECT_THAT(given_devices(driver_, std::set{kSecond}, verdicts({}, {}, {})).devices,
              ElementsAre(GivenDevice{1, Permission::unknown}));
}

TEST_F(GivenToAContainer, AreNotAllThatItsCgroupAllowsBesideItsNodes) {
  // LXC: `c 195:* rwm`, and one node.
  EXPECT_THAT(given_devices(driver_, std::set{kFirst}, verdicts(true, true, false)).devices,
              ElementsAre(GivenDevice{0, Permission::allowed}));
}

TEST_F(GivenToAContainer, AreThoseOfItsCgroupIfItHasNoNode) {
  const std::set<DeviceNumber> none;
  EXPECT_THAT(given_devices(driver_, none, verdicts(false, true, false)).devices,
              ElementsAre(GivenDevice{1, Permission::allowed}));
  EXPECT_THAT(given_devices(driver_, std::nullopt, verdicts(true, false, false)).devices,
              ElementsAre(GivenDevice{0, Permission::allowed}));
}

TEST_F(GivenToAContainer, AreNoneIfNothingIsRestrictedAndNoNodeIsThere) {
  const Given given = given_devices(driver_, std::set<DeviceNumber>(), verdicts(true, true, true));
  EXPECT_THAT(given.devices, IsEmpty());
  EXPECT_TRUE(given.is_known);
}

TEST_F(GivenToAContainer, AreBarredOnlyIfNoGpuMayBeOpened) {
  const std::set<DeviceNumber> none;
  EXPECT_TRUE(given_devices(driver_, none, verdicts(false, false, false)).is_barred);
  EXPECT_FALSE(given_devices(driver_, none, verdicts(false, true, false)).is_barred);
  EXPECT_FALSE(given_devices(driver_, none, verdicts(false, {}, false)).is_barred);
  EXPECT_FALSE(given_devices(driver_, none, verdicts({}, {}, {})).is_barred);
}

TEST_F(GivenToAContainer, AreNotKnownIfNothingMayBeLookedAt) {
  EXPECT_FALSE(given_devices(driver_, std::nullopt, verdicts({}, {}, {})).is_known);
  EXPECT_FALSE(given_devices(driver_, std::nullopt, verdicts(true, true, true)).is_known);
  EXPECT_TRUE(given_devices(driver_, std::nullopt, verdicts(false, false, false)).is_known);
}

}  // namespace
}  // namespace nvhook
