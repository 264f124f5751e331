// SPDX-License-Identifier: Apache-2.0
// Where modules of an X server go: to where the X server of the image looks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/planner_host.hpp"

namespace nvhook {
namespace {

using test::host;
using test::request;
using test::targets;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::Not;

const std::string kGlx = "libglxserver_nvidia.so.535.309.01";

DriverFile module_at(const std::string& row, const std::string& path) {
  const Component* component = find_component(ComponentKind::xorg_module, row);
  return {.kind = ComponentKind::xorg_module,
          .component = component,
          .path = HostPath(path),
          .place = ContainerPath(path)};
}

/// Of a host with both modules below `directory`, for an image whose X server has `own`.
Plan plan_for_x(const std::string& directory, const std::string& own) {
  Inventory inventory = host();
  inventory.files.push_back(module_at("nvidia_drv.so", directory + "/drivers/nvidia_drv.so"));
  inventory.files.push_back(
      module_at("libglxserver_nvidia.so.$VERSION", directory + "/extensions/" + kGlx));
  return make_plan(request(NoDevices{}, {Capability::graphics}), inventory,
                   {.library_directory = ContainerPath("/usr/lib64"),
                    .library32_directory = ContainerPath("/usr/lib32"),
                    .xorg_directory = ContainerPath(own)},
                   Config());
}

auto plain_link_in(const std::string& directory) {
  return Contains(AllOf(Field(&Symlink::link, ContainerPath(directory + "/libglxserver_nvidia.so")),
                        Field(&Symlink::target, kGlx)));
}

TEST(XorgPlan, ModulesGoToTheDirectoryOfTheImagesXServer) {
  const Plan plan = plan_for_x("/usr/lib64/xorg/modules", "/usr/lib/xorg/modules");
  EXPECT_THAT(targets(plan), Contains("/usr/lib/xorg/modules/drivers/nvidia_drv.so"));
  EXPECT_THAT(targets(plan), Contains("/usr/lib/xorg/modules/extensions/" + kGlx));
  EXPECT_THAT(targets(plan), Not(Contains("/usr/lib64/xorg/modules/drivers/nvidia_drv.so")));
  EXPECT_THAT(plan.symlinks, plain_link_in("/usr/lib/xorg/modules/extensions"));
}

TEST(XorgPlan, ModulesStayWhereTheXServerFindsThem) {
  const std::string updates = "/usr/lib64/xorg/modules/updates";
  const Plan plan = plan_for_x(updates, "/usr/lib64/xorg/modules");
  EXPECT_THAT(targets(plan), Contains(updates + "/drivers/nvidia_drv.so"));
  EXPECT_THAT(plan.symlinks, plain_link_in(updates + "/extensions"));
}

TEST(XorgPlan, WithoutAnXServerModulesGoToWhereTheHostHasThem) {
  EXPECT_THAT(targets(plan_for_x("/usr/lib64/xorg/modules", "")),
              Contains("/usr/lib64/xorg/modules/drivers/nvidia_drv.so"));
}

}  // namespace
}  // namespace nvhook
