// SPDX-License-Identifier: Apache-2.0
// What a request gets on a hand-written inventory.
#include "plan/planner.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "os/device_number.hpp"
#include "support/planner_host.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using namespace test;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::ThrowsMessage;
using ::testing::UnorderedElementsAre;

TEST(Planner, UtilityGetsItsFilesControlDeviceAndTheGpuByMinor) {
  EXPECT_THAT(targets(plan_for(request(DeviceNames{"0"}, {Capability::utility}))),
              UnorderedElementsAre("/usr/bin/nvidia-smi", "/usr/lib64/libnvidia-ml.so.535.1",
                                   "/lib/firmware/nvidia/535.1/gsp_ga10x.bin",
                                   "/run/nvidia-persistenced/socket", "/dev/nvidiactl",
                                   "/dev/nvidia2", "/proc/driver/nvidia/gpus/0000:07:00.0"));
}

TEST(Planner, BinaryKeepsItsOwnNameWhateverItsLinkLeadsTo_ReferenceUsedTheLinksTarget) {
  const Plan plan = plan_for(request(NoDevices{}, {Capability::utility}));
  EXPECT_EQ(mount_at(plan, "/usr/bin/nvidia-smi").source.path.str(),
            "/usr/lib/nvidia/current/nvidia-smi-535");
}

TEST(Planner, ComputeGetsUvmAndVideoGetsComputeLibraries) {
  const auto compute = targets(plan_for(request(NoDevices{}, {Capability::compute})));
  EXPECT_THAT(compute, Contains("/dev/nvidia-uvm"));
  EXPECT_THAT(compute, Contains("/usr/lib64/libcuda.so.535.1"));
  EXPECT_THAT(compute, Not(Contains("/usr/lib64/libnvidia-encode.so.535.1")));
  const auto video = targets(plan_for(request(NoDevices{}, {Capability::video})));
  EXPECT_THAT(video, Contains("/dev/nvidia-uvm"));
  EXPECT_THAT(video, Contains("/usr/lib64/libcuda.so.535.1"));
  EXPECT_THAT(video, Contains("/usr/lib64/libnvidia-encode.so.535.1"));
}

TEST(Planner, OnlyDisplayGetsModeset) {
  EXPECT_THAT(targets(plan_for(request(NoDevices{}, {Capability::display}))),
              Contains("/dev/nvidia-modeset"));
  EXPECT_THAT(targets(plan_for(request(NoDevices{}, {Capability::graphics}))),
              Not(Contains("/dev/nvidia-modeset")));
}

TEST(Planner, NoneGetsTheControlDeviceButNoGpu) {
  const Plan plan = plan_for(request(NoDevices{}, {Capability::utility}));
  EXPECT_THAT(targets(plan), Contains("/dev/nvidiactl"));
  EXPECT_THAT(targets(plan), Not(Contains("/dev/nvidia2")));
  ASSERT_EQ(plan.tmpfs.size(), 1U);
  EXPECT_THAT(plan.tmpfs[0].entries, ::testing::Each(Field(&TmpfsEntry::directory, false)));
}

TEST(Planner, Compat32GoesToItsOwnDirectoryAndOnlyWhenAsked) {
  EXPECT_THAT(targets(plan_for(request(NoDevices{}, {Capability::compute, Capability::compat32}))),
              Contains("/usr/lib32/libcuda.so.535.1"));
  EXPECT_THAT(targets(plan_for(request(NoDevices{}, {Capability::compute}))),
              Not(Contains("/usr/lib32/libcuda.so.535.1")));
}

TEST(Planner, LibrariesGetSonameAndInstallerLinks) {
  const Plan plan = plan_for(request(NoDevices{}, {Capability::compute}));
  EXPECT_THAT(plan.symlinks,
              ::testing::ElementsAre(Symlink{.link = ContainerPath("/usr/lib64/libcuda.so.1"),
                                             .target = "libcuda.so.535.1",
                                             .replace = true,
                                             .reason = "SONAME of libcuda.so.535.1"},
                                     Symlink{.link = ContainerPath("/usr/lib64/libcuda.so"),
                                             .target = "libcuda.so.1",
                                             .optional = true,
                                             .reason = "link of the driver's installer"}));
}

TEST(Planner, LibGlxIndirectLeadsToTheVersionedLibrary) {
  const Plan plan = plan_for(request(NoDevices{}, {Capability::graphics}));
  EXPECT_THAT(plan.symlinks,
              Contains(::testing::AllOf(
                  Field(&Symlink::link, ContainerPath("/usr/lib64/libGLX_indirect.so.0")),
                  Field(&Symlink::target, "libGLX_nvidia.so.535.1"))));
}

TEST(Planner, LoaderCacheKnowsTheSonameOrTheNameOfALibraryWithoutOne) {
  const Plan plan = plan_for(request(NoDevices{}, {Capability::graphics}));
  EXPECT_THAT(plan.loader_entries,
              UnorderedElementsAre(
                  LoaderEntry{"libGLX_nvidia.so.0", ContainerPath("/usr/lib64/libGLX_nvidia.so.0")},
                  LoaderEntry{"libnvidia-tls.so.535.1",
                              ContainerPath("/usr/lib64/libnvidia-tls.so.535.1")}));
}

TEST(Planner, ParamsForbidDeviceFileChanges) {
  const Plan plan = plan_for(request(NoDevices{}, {Capability::utility}));
  EXPECT_EQ(plan.tmpfs.at(0).entries.at(0).content, "ModifyDeviceFiles: 0\n");
  EXPECT_TRUE(plan.tmpfs.at(0).on_procfs);
}

TEST(Planner, MountFlagsAreThoseOfTheReference) {
  const Plan plan = plan_for(request(DeviceNames{"0"}, {Capability::utility}));
  EXPECT_EQ(mount_at(plan, "/usr/bin/nvidia-smi").attributes, (MountAttributes{true, true, false}));
  EXPECT_EQ(mount_at(plan, "/dev/nvidia2").attributes, (MountAttributes{true, false, true}));
  EXPECT_EQ(mount_at(plan, "/run/nvidia-persistenced/socket").attributes,
            (MountAttributes{false, true, true}));
  EXPECT_EQ(mount_at(plan, "/proc/driver/nvidia/gpus/0000:07:00.0").attributes,
            (MountAttributes{true, true, true}));
}

TEST(Planner, NoContainerCanWriteTheDirectoryOfMps) {
  Inventory inventory = test::host();
  inventory.files.push_back(
      {.kind = ComponentKind::ipc_directory,
       .component = find_component(ComponentKind::ipc_directory, "nvidia-mps"),
       .path = HostPath("/tmp/nvidia-mps"),
       .place = ContainerPath("/tmp/nvidia-mps")});
  const Plan plan = plan_for(request(DeviceNames{"0"}, {Capability::compute}), inventory);
  const BindMount& mount = mount_at(plan, "/tmp/nvidia-mps");
  EXPECT_EQ(mount.attributes, (MountAttributes{true, true, true}));
  EXPECT_TRUE(mount.optional && mount.in_public_place);
}

TEST(Planner, WhatAContainerCanDoWithoutIsOptionalAndNothingElse) {
  for (const BindMount& mount : plan_for(request(AllDevices{}, CapabilitySet::all())).mounts) {
    const bool is_firmware = mount.target.str().starts_with("/lib/firmware/");
    EXPECT_EQ(mount.optional, mount.type == SourceType::socket || is_firmware)
        << mount.target.str();
  }
}

TEST(Planner, DeviceRulesAreExactlyTheInjectedNodes) {
  const Plan plan = plan_for(request(AllDevices{}, {Capability::compute}));
  std::vector<DeviceNumber> rules;
  for (const DeviceRule& rule : plan.device_rules) rules.push_back(rule.device);
  std::vector<DeviceNumber> nodes;
  for (const BindMount& mount : plan.mounts) {
    if (mount.device) nodes.push_back(*mount.device);
  }
  EXPECT_EQ(rules, nodes);
  EXPECT_THAT(rules, UnorderedElementsAre(DeviceNumber{195, 255}, DeviceNumber{511, 0},
                                          DeviceNumber{195, 2}, DeviceNumber{195, 0}));
}

TEST(Planner, NoCgroupsLeavesTheDeviceCgroupAlone) {
  EXPECT_THAT(plan_for(request(AllDevices{}, {Capability::compute}), host(), {.no_cgroups = true})
                  .device_rules,
              IsEmpty());
}

TEST(Planner, ApplicationProfileMasksTheSelectedMinors) {
  const Plan plan = plan_for(request(AllDevices{}, {Capability::graphics}));
  ASSERT_EQ(plan.tmpfs.size(), 2U);
  EXPECT_EQ(plan.tmpfs[1].target.str(), "/etc/nvidia/nvidia-application-profiles-rc.d");
  EXPECT_THAT(plan.tmpfs[1].entries.at(0).content, HasSubstr("\"EGLVisibleDGPUDevices\", 0x5]"));
}

TEST(Planner, ApplicationProfileOfNoGpuIsEmpty) {
  EXPECT_THAT(plan_for(request(NoDevices{}, {Capability::display})).tmpfs.at(1).entries, IsEmpty());
}

TEST(Planner, MissingControlNodeIsAnErrorThatNamesIt) {
  Inventory inventory = host();
  inventory.nodes.erase(inventory.nodes.begin());
  EXPECT_THAT(
      [&] { static_cast<void>(plan_for(request(NoDevices{}, {Capability::utility}), inventory)); },
      ThrowsMessage<Error>(HasSubstr("missing device node `/dev/nvidiactl`")));
}

TEST(Planner, MissingNodeOfASelectedGpuIsAnErrorAndOfAnotherOneIsNot) {
  Inventory inventory = host();
  inventory.nodes.pop_back();
  EXPECT_THAT(
      [&] {
        static_cast<void>(plan_for(request(DeviceNames{"1"}, {Capability::utility}), inventory));
      },
      ThrowsMessage<Error>(HasSubstr("missing device node `/dev/nvidia0`")));
  EXPECT_NO_THROW(
      static_cast<void>(plan_for(request(DeviceNames{"0"}, {Capability::utility}), inventory)));
}

TEST(Planner, MissingUvmIsAWarning) {
  Inventory inventory = host();
  inventory.nodes.erase(inventory.nodes.begin() + 1);
  const Plan plan = plan_for(request(NoDevices{}, {Capability::compute}), inventory);
  EXPECT_THAT(plan.notes,
              Contains(Field(&Note::text, HasSubstr("missing device /dev/nvidia-uvm"))));
}

TEST(Planner, AMuslImageIsToldTheLibraryDirectory) {
  const ContainerFacts alpine{.library_directory = ContainerPath("/usr/lib64"),
                              .library32_directory = ContainerPath("/usr/lib32"),
                              .musl_path_file = ContainerPath("/etc/ld-musl-x86_64.path")};
  const Plan plan =
      make_plan(request(NoDevices{}, {Capability::compute}), host(), alpine, Config());
  ASSERT_TRUE(plan.loader_path.has_value());
  EXPECT_EQ(plan.loader_path->file, ContainerPath("/etc/ld-musl-x86_64.path"));
  EXPECT_THAT(plan.loader_path->directories, ::testing::ElementsAre(ContainerPath("/usr/lib64")));
  EXPECT_FALSE(plan_for(request(NoDevices{}, {Capability::compute})).loader_path.has_value());
}

TEST(Planner, EveryStepSaysWhy) {
  const Plan plan = plan_for(request(AllDevices{}, CapabilitySet::all()));
  for (const BindMount& mount : plan.mounts) EXPECT_NE(mount.reason, "") << mount.target.str();
  EXPECT_EQ(mount_at(plan, "/usr/lib64/libcuda.so.535.1").reason,
            "capability compute,video: CUDA driver library");
  EXPECT_EQ(mount_at(plan, "/dev/nvidia2").reason, "NVIDIA_VISIBLE_DEVICES: GPU 0 (GPU-a)");
}

TEST(Planner, TheSameInputsGiveTheSamePlan) {
  const Request wanted = request(AllDevices{}, CapabilitySet::all());
  EXPECT_EQ(plan_for(wanted), plan_for(wanted));
}

TEST(Planner, EveryTmpfsHasTheMountLabelOfTheContainer) {
  ContainerFacts container{.library_directory = ContainerPath("/usr/lib64"),
                           .library32_directory = ContainerPath("/usr/lib32"),
                           .mount_label = "system_u:object_r:container_file_t:s0:c1,c2"};
  const Plan plan =
      make_plan(request(AllDevices{}, CapabilitySet::all()), host(), container, Config());
  EXPECT_EQ(plan.tmpfs.size(), 2U);
  for (const TmpfsMount& tmpfs : plan.tmpfs) EXPECT_EQ(tmpfs.label, container.mount_label);
}

}  // namespace
}  // namespace nvhook
