// SPDX-License-Identifier: Apache-2.0
// Where files go if their usual directories are closed or not wanted.
#include "plan/placement.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "support/fails_with.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

const ContainerPath kLibraries{"/usr/lib/x86_64-linux-gnu"};
const ContainerPath kPrivate{"/usr/local/nvidia"};

BindMount file(const std::string& target, bool optional = false) {
  return {.source = {.root = HostRoot::driver, .path = HostPath(target)},
          .target = ContainerPath(target),
          .optional = optional};
}

Plan usual_plan() {
  Plan plan;
  plan.tmpfs = {{.target = ContainerPath("/proc/driver/nvidia"), .label = "label"}};
  plan.mounts = {file("/usr/lib/x86_64-linux-gnu/libcuda.so.535"),
                 file("/usr/bin/nvidia-smi"),
                 file("/etc/vulkan/icd.d/nvidia_icd.json", true),
                 {.type = SourceType::character_device, .target = ContainerPath("/dev/nvidia0")},
                 file("/proc/driver/nvidia/version")};
  plan.symlinks = {{.link = kLibraries / "libcuda.so.1", .target = "libcuda.so.535"},
                   {.link = kLibraries / "gbm/nvidia-drm_gbm.so",
                    .target = "../libcuda.so.1",
                    .optional = true}};
  plan.loader_entries = {{.soname = "libcuda.so.1", .path = kLibraries / "libcuda.so.1"}};
  return plan;
}

std::vector<std::string> targets(const Plan& plan) {
  std::vector<std::string> names;
  for (const BindMount& mount : plan.mounts) names.push_back(mount.target.str());
  return names;
}

std::vector<std::string> links(const Plan& plan) {
  std::vector<std::string> names;
  for (const Symlink& link : plan.symlinks) names.push_back(link.link.str() + " " + link.target);
  return names;
}

const TmpfsMount& own_tmpfs(const Plan& plan) { return plan.tmpfs.back(); }

TEST(Placement, APlanWhosePlacesAreAllTheContainersOwnStaysAsItIs) {
  EXPECT_EQ(place(usual_plan(), {}, Placement::standard), usual_plan());
}

TEST(Placement, LibrariesOfAClosedDirectoryGoToThePrivateOneWithTheirLinks) {
  const Plan plan = place(
      usual_plan(), {.closed = {{kLibraries, "lies on a volume"}}, .private_directory = kPrivate},
      Placement::standard);
  EXPECT_THAT(targets(plan), ElementsAre("/usr/local/nvidia/lib64/libcuda.so.535",
                                         "/usr/bin/nvidia-smi", "/etc/vulkan/icd.d/nvidia_icd.json",
                                         "/dev/nvidia0", "/proc/driver/nvidia/version"));
  EXPECT_THAT(links(plan), ElementsAre("/usr/lib/x86_64-linux-gnu/gbm/nvidia-drm_gbm.so "
                                       "/usr/local/nvidia/lib64/libcuda.so.1"));
  EXPECT_EQ(plan.loader_entries.front().path.str(), "/usr/local/nvidia/lib64/libcuda.so.1");
  EXPECT_EQ(own_tmpfs(plan).target, kPrivate);
  EXPECT_EQ(own_tmpfs(plan).label, "label");
  EXPECT_TRUE(own_tmpfs(plan).read_only);
  EXPECT_THAT(own_tmpfs(plan).entries,
              Contains(TmpfsEntry{.path = "lib64/libcuda.so.1", .link = "libcuda.so.535"}));
  EXPECT_FALSE(plan.cover_loader_files);
}

TEST(Placement, LibrariesThatAreAllThereAreMountedOverWhereverTheyLie) {
  const PlacementFacts facts{
      .closed = {{kLibraries, "lies on a volume"}},
      .present = {kLibraries / "libcuda.so.535", kLibraries / "libcuda.so.1"}};
  EXPECT_EQ(place(usual_plan(), facts, Placement::standard), usual_plan());
  EXPECT_FALSE(needs_private_directory(usual_plan(), facts, Placement::standard));
}

TEST(Placement, AProgramInAClosedDirectoryHasNoLinkAndAnOptionalFileIsLeftOut) {
  const Plan plan = place(usual_plan(),
                          {.closed = {{ContainerPath("/usr/bin"), "lies on a volume"},
                                      {ContainerPath("/etc/vulkan/icd.d"), "is read-only"}},
                           .private_directory = kPrivate},
                          Placement::standard);
  EXPECT_THAT(targets(plan), Contains("/usr/local/nvidia/bin/nvidia-smi"));
  EXPECT_THAT(targets(plan), Not(Contains("/etc/vulkan/icd.d/nvidia_icd.json")));
  EXPECT_THAT(links(plan), Not(Contains(::testing::HasSubstr("/usr/bin"))));
  std::string said;
  for (const Note& note : plan.notes) said += note.text + "\n";
  EXPECT_THAT(said, ::testing::HasSubstr("left out /etc/vulkan/icd.d/nvidia_icd.json: its "
                                         "directory is read-only"));
  EXPECT_THAT(said, ::testing::HasSubstr("it is /usr/local/nvidia/bin/nvidia-smi"));
}

TEST(Placement, PrivateMovesAllButNodesAndProcfsAndCoversTheLoadersFiles) {
  const Plan plan =
      place(usual_plan(), {.private_directory = kPrivate}, Placement::private_directory);
  EXPECT_THAT(targets(plan), ElementsAre("/usr/local/nvidia/lib64/libcuda.so.535",
                                         "/usr/local/nvidia/bin/nvidia-smi",
                                         "/usr/local/nvidia/etc/vulkan/icd.d/nvidia_icd.json",
                                         "/dev/nvidia0", "/proc/driver/nvidia/version"));
  EXPECT_THAT(links(plan), Contains("/usr/bin/nvidia-smi /usr/local/nvidia/bin/nvidia-smi"));
  EXPECT_TRUE(plan.cover_loader_files);
}

TEST(Placement, PrivateMountsOverWhatAnImageHasAlready) {
  const Plan plan =
      place(usual_plan(),
            {.present = {ContainerPath("/usr/bin/nvidia-smi")}, .private_directory = kPrivate},
            Placement::private_directory);
  EXPECT_THAT(targets(plan), Contains("/usr/bin/nvidia-smi"));
  EXPECT_THAT(links(plan), Not(Contains(::testing::StartsWith("/usr/bin/nvidia-smi"))));
}

TEST(Placement, DirectoriesComeBeforeWhatIsInThem) {
  const Plan plan =
      place(usual_plan(), {.private_directory = kPrivate}, Placement::private_directory);
  std::set<std::string> made;
  for (const TmpfsEntry& entry : own_tmpfs(plan).entries) {
    const auto slash = entry.path.rfind('/');
    if (slash != std::string::npos) {
      EXPECT_THAT(made, Contains(entry.path.substr(0, slash)));
    }
    EXPECT_TRUE(made.insert(entry.path).second) << entry.path << " is made twice";
  }
}

TEST(Placement, TheSearchPathOfMuslNamesThePrivateDirectory) {
  Plan plan = usual_plan();
  plan.loader_path = {.file = ContainerPath("/etc/ld-musl-x86_64.path"),
                      .directories = {kLibraries, ContainerPath("/opt/other")}};
  const Plan placed = place(
      std::move(plan), {.closed = {{kLibraries, "is read-only"}}, .private_directory = kPrivate},
      Placement::standard);
  EXPECT_THAT(placed.loader_path->directories,
              ElementsAre(ContainerPath("/usr/local/nvidia/lib64"), ContainerPath("/opt/other")));
}

TEST(Placement, WithoutAPlaceTheContainerDoesNotStartAndTheVolumeIsNamed) {
  EXPECT_THAT(
      [] {
        static_cast<void>(place(usual_plan(),
                                {.closed = {{kLibraries, "lies on the volume `/vol`"}}},
                                Placement::standard));
      },
      fails_with(Code::target_on_volume,
                 "`/usr/lib/x86_64-linux-gnu` in the container lies on the volume `/vol`"));
}

TEST(Placement, AsksOnlyForDirectoriesThatSomethingIsMadeIn) {
  std::vector<std::string> names;
  for (const ContainerPath& path : directories_of(usual_plan())) names.push_back(path.str());
  EXPECT_THAT(names, ElementsAre("/etc/vulkan/icd.d", "/usr/bin", "/usr/lib/x86_64-linux-gnu",
                                 "/usr/lib/x86_64-linux-gnu/gbm"));
}

}  // namespace
}  // namespace nvhook
