// SPDX-License-Identifier: Apache-2.0
// Plans for images with CUDA forward compatibility libraries.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/planner.hpp"

namespace nvhook {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::Not;

const ContainerPath kCompat("/usr/local/cuda-12.4/compat");

Inventory host(const std::string& model = "NVIDIA A100-SXM4-40GB") {
  return {.driver = *Version::parse("535.1"),
          .gpus = {{.index = 0, .minor = 0, .uuid = "GPU-a", .pci = "0000:07:00.0", .model = model},
                   {.index = 1, .minor = 1, .uuid = "GPU-b", .pci = "0000:0f:00.0", .model = "X"}},
          .files = {{.kind = ComponentKind::library,
                     .component = find_component(ComponentKind::library, "libcuda.so"),
                     .path = HostPath("/usr/lib/libcuda.so.535.1"),
                     .soname = "libcuda.so.1"}},
          .nodes = {{.file = {.path = HostPath("/dev/nvidiactl")}, .number = {195, 255}},
                    {.role = DeviceRole::gpu,
                     .file = {.path = HostPath("/dev/nvidia0")},
                     .number = {195, 0},
                     .gpu_minor = 0}}};
}

ContainerFacts image(const std::string& compat_driver = "550.54.15") {
  return {.library_directory = ContainerPath("/usr/lib64"),
          .compat = CompatLibraries{.directory = kCompat,
                                    .libraries = {{"libcuda.so.1", "libcuda.so." + compat_driver},
                                                  {"libnvidia-nvvm.so.4", "libnvidia-nvvm.so.4"}},
                                    .driver = *Version::parse(compat_driver)}};
}

Plan plan_for(const Inventory& inventory, const ContainerFacts& container,
              const Config& config = {}, CapabilitySet capabilities = {Capability::compute}) {
  const Request request{.devices = DeviceNames{"0"}, .capabilities = capabilities};
  return make_plan(request, inventory, container, config);
}

std::vector<std::string> loader_paths(const Plan& plan) {
  std::vector<std::string> paths;
  for (const LoaderEntry& entry : plan.loader_entries) paths.push_back(entry.path.str());
  return paths;
}

constexpr const char* kDriverLibrary = "/usr/lib64/libcuda.so.1";

TEST(PlannerCompat, LibrariesThatFitComeBeforeTheDrivers) {
  const Plan plan = plan_for(host(), image());
  EXPECT_THAT(loader_paths(plan),
              ElementsAre("/usr/local/cuda-12.4/compat/libcuda.so.550.54.15",
                          "/usr/local/cuda-12.4/compat/libnvidia-nvvm.so.4", kDriverLibrary));
  EXPECT_EQ(plan.loader_entries.front(),
            (LoaderEntry{.soname = "libcuda.so.1", .path = kCompat / "libcuda.so.550.54.15"}));
  EXPECT_THAT(plan.notes,
              Contains(info("CUDA compatibility libraries of the image in "
                            "/usr/local/cuda-12.4/compat used: 550.54.15 on driver 535.1 with "
                            "NVIDIA A100-SXM4-40GB: they have no note and are of a later driver "
                            "branch")));
}

TEST(PlannerCompat, NothingOfTheImageIsMountedOrLinked) {
  ContainerFacts without = image();
  without.compat.reset();
  const Plan plan = plan_for(host(), image());
  EXPECT_EQ(plan.mounts, plan_for(host(), without).mounts);
  EXPECT_EQ(plan.symlinks, plan_for(host(), without).symlinks);
}

TEST(PlannerCompat, LibrariesOfAnOlderDriverAreLeftAloneAndSaidSo) {
  const Plan plan = plan_for(host(), image("525.1"));
  EXPECT_THAT(loader_paths(plan), ElementsAre(kDriverLibrary));
  EXPECT_THAT(plan.notes, Contains(AllOf(Field(&Note::level, Note::Level::info),
                                         Field(&Note::text, HasSubstr("not used: 525.1")))));
}

TEST(PlannerCompat, WhatTheImageProbeToldIsToldOn) {
  ContainerFacts container = image();
  container.notes = {info("left out a library")};
  EXPECT_THAT(plan_for(host(), container).notes, Contains(info("left out a library")));
}

TEST(PlannerCompat, TheSelectedGpusCountAndNoOthers) {
  Inventory inventory = host();
  inventory.gpus[1].model = "NVIDIA GeForce RTX 3090";
  EXPECT_EQ(loader_paths(plan_for(inventory, image())).size(), 3U);
  EXPECT_THAT(loader_paths(plan_for(host("NVIDIA GeForce RTX 3090"), image())),
              ElementsAre(kDriverLibrary));
}

TEST(PlannerCompat, NothingIsDecidedWhereItIsDisabledOrThereIsNoCompute) {
  const auto nothing_said = Not(Contains(Field(&Note::text, HasSubstr("CUDA compat"))));
  const Plan disabled = plan_for(host(), image(), {.cuda_compat = CudaCompat::disabled});
  EXPECT_THAT(loader_paths(disabled), ElementsAre(kDriverLibrary));
  EXPECT_THAT(disabled.notes, nothing_said);
  const Plan utility = plan_for(host(), image(), {}, {Capability::utility});
  EXPECT_THAT(loader_paths(utility), ElementsAre());
  EXPECT_THAT(utility.notes, nothing_said);
}

}  // namespace
}  // namespace nvhook
