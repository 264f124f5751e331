// SPDX-License-Identifier: Apache-2.0
// Plans without the parts that the caller provides itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/planner_host.hpp"

namespace nvhook {
namespace {

using test::host;
using test::plan_for;
using test::targets;
using ::testing::Contains;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kFirmware = "/lib/firmware/nvidia/535.1/gsp_ga10x.bin";
const std::string kPersistenced = "/run/nvidia-persistenced/socket";

Plan plan_without(LeftOut left_out) {
  Request request = test::request(DeviceNames{"0"}, {Capability::compute, Capability::utility});
  request.left_out = left_out;
  Inventory inventory = host();
  inventory.files.push_back({.kind = ComponentKind::ipc_socket,
                             .component = find_component(ComponentKind::ipc_socket,
                                                         "/var/run/nvidia-fabricmanager/socket"),
                             .path = HostPath("/run/nvidia-fabricmanager/socket"),
                             .place = ContainerPath("/run/nvidia-fabricmanager/socket")});
  return plan_for(request, inventory);
}

TEST(LeftOut, IsNothingUnlessTold) {
  EXPECT_THAT(
      targets(plan_without({})),
      IsSupersetOf({kFirmware, kPersistenced, std::string("/run/nvidia-fabricmanager/socket"),
                    std::string("/dev/nvidiactl")}));
}

TEST(LeftOut, FilesAreLeftOutOneByOne) {
  EXPECT_THAT(targets(plan_without({.firmware = true})), Not(Contains(kFirmware)));
  EXPECT_THAT(targets(plan_without({.persistenced = true})), Not(Contains(kPersistenced)));
  const auto without_fabric = targets(plan_without({.fabric_manager = true}));
  EXPECT_THAT(without_fabric, Not(Contains("/run/nvidia-fabricmanager/socket")));
  EXPECT_THAT(without_fabric, IsSupersetOf({kFirmware, kPersistenced}));
}

TEST(LeftOut, DeviceNodesAreNotMountedButAllowed) {
  const Plan plan = plan_without({.device_nodes = true});
  EXPECT_THAT(targets(plan), Not(Contains(StartsWith("/dev/"))));
  EXPECT_EQ(plan.device_rules, plan_without({}).device_rules);
  EXPECT_FALSE(plan.device_rules.empty());
}

}  // namespace
}  // namespace nvhook
