// SPDX-License-Identifier: Apache-2.0
// Programs whose loader the image does not have (NixOS, musl).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/placement.hpp"
#include "support/planner_host.hpp"

namespace nvhook {
namespace {

using test::host;
using test::request;
using test::targets;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kLoader = "/nix/store/1-glibc/lib/ld-linux-x86-64.so.2";
const std::string kOwnLoader = "/lib64/ld-linux-x86-64.so.2";

/// Of a host whose nvidia-smi names kLoader, for an image that does not have it.
Plan plan_without_loader(const std::string& own_loader) {
  Inventory inventory = host();
  inventory.files.front().interpreter = kLoader;
  return make_plan(request(NoDevices{}, {Capability::utility}), inventory,
                   {.library_directory = ContainerPath("/usr/lib64"),
                    .library32_directory = ContainerPath("/usr/lib32"),
                    .missing_interpreters = {kLoader},
                    .program_loader = ContainerPath(own_loader)},
                   Config());
}

auto loader_link() {
  return Contains(
      AllOf(Field(&Symlink::link, ContainerPath(kLoader)), Field(&Symlink::target, kOwnLoader)));
}

TEST(ProgramPlan, TheLoaderOfTheHostLeadsToTheImagesOwn) {
  const Plan plan = plan_without_loader(kOwnLoader);
  EXPECT_THAT(targets(plan), Contains("/usr/bin/nvidia-smi"));
  EXPECT_THAT(plan.symlinks, loader_link());
}

TEST(ProgramPlan, WithoutAnyLoaderTheProgramIsLeftOutWithAWarning) {
  const Plan plan = plan_without_loader("");
  EXPECT_THAT(targets(plan), Not(Contains("/usr/bin/nvidia-smi")));
  EXPECT_THAT(plan.notes, Contains(Field(&Note::text, HasSubstr("the image has no `" + kLoader))));
}

TEST(ProgramPlan, ALoaderThatIsThereNeedsNothing) {
  Inventory inventory = host();
  inventory.files.front().interpreter = kLoader;
  const Plan plan = test::plan_for(request(NoDevices{}, {Capability::utility}), inventory);
  EXPECT_THAT(targets(plan), Contains("/usr/bin/nvidia-smi"));
  EXPECT_THAT(plan.symlinks, Not(loader_link()));
}

TEST(ProgramPlan, WhereTheLinkCannotBeMadeTheProgramIsLeftOut) {
  const PlacementFacts facts{.closed = {{ContainerPath(kLoader).parent(), "is on a volume"}}};
  const Plan plan = place(plan_without_loader(kOwnLoader), facts, Placement::standard);
  EXPECT_THAT(targets(plan), Not(Contains("/usr/bin/nvidia-smi")));
  EXPECT_THAT(plan.symlinks, Not(loader_link()));
  EXPECT_THAT(plan.notes, Contains(Field(&Note::text, HasSubstr("left out /usr/bin/nvidia-smi"))));
}

TEST(ProgramPlan, OnlyLoadersOfWantedProgramsAreLookedFor) {
  Inventory inventory = host();
  inventory.files.front().interpreter = kLoader;
  EXPECT_EQ(image_query(request(NoDevices{}, {Capability::utility}), inventory, {}).interpreters,
            std::set<std::string>{kLoader});
  EXPECT_TRUE(
      image_query(request(NoDevices{}, {Capability::video}), inventory, {}).interpreters.empty());
}

}  // namespace
}  // namespace nvhook
