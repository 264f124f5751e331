// SPDX-License-Identifier: Apache-2.0
// Plans applied to real mount namespaces, on hostile root file systems, and failing at every step.
#include "inject/linux_kernel.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "formats/ld_cache.hpp"
#include "inject/apply.hpp"
#include "os/device_number.hpp"
#include "support/linux_kernel_fixture.hpp"
#include "support/mount_table.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using namespace test;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(LinuxKernelTest, PutsEverythingOfThePlanIntoTheContainerAndNothingOnTheHost) {
  const TestContainer container;
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  const MountTable host_mounts;
  ASSERT_EQ(apply_to(container, usual_plan()), "");
  EXPECT_EQ(read_file(container.view("/usr/lib/new/directory/libcuda.so.535.1")), "driver library");
  EXPECT_EQ(read_file(container.view("/usr/lib/libnvidia-ml.so.1")), "another");
  EXPECT_EQ(read_file(container.view("/proc/driver/nvidia/params")), "ModifyDeviceFiles: 0\n");
  EXPECT_EQ(read_file(container.view("/proc/driver/nvidia/gpus/0000:07:00.0/information")),
            "Device Minor: 2\n");
  EXPECT_THAT(mount_line(container, "/usr/lib/libnvidia-ml.so.535.1"),
              HasSubstr(" ro,nosuid,nodev,relatime"));
  EXPECT_THAT(mount_line(container, "/dev/nvidiactl"), HasSubstr(" ro,nosuid,noexec,relatime"));
  EXPECT_THAT(mount_line(container, "/proc/driver/nvidia"),
              HasSubstr(" rw,nosuid,nodev,noexec,relatime"));
  const auto cache = parse_ld_cache(read_file(container.view("/etc/ld.so.cache")));
  ASSERT_TRUE(cache);
  ASSERT_EQ(cache->size(), 1U);
  EXPECT_EQ(cache->front().path, "/usr/lib/libnvidia-ml.so.1");
  EXPECT_EQ(host_mounts.changes_since(), "");
}

TEST_F(LinuxKernelTest, AFailureAtAnyStepLeavesTheContainerAsItWas) {
  const auto image = [](const TemporaryDirectory& tree) {
    tree.write("/etc/ld.so.cache", "old cache");
    tree.link("/usr/lib/libnvidia-ml.so.1", "libnvidia-ml.so.111");
  };
  const TestContainer reference(image);
  if (!reference.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  std::size_t step = 0;
  for (;; ++step) {
    const TestContainer container(image);
    const std::string listing = container.listing();
    const std::string mounts = container.mountinfo();
    const MountTable host_mounts;
    const std::string outcome = apply_to(container, usual_plan(), step);
    if (outcome.empty()) break;  // after the last step: it succeeded
    EXPECT_THAT(outcome, HasSubstr("failed on purpose"));
    EXPECT_EQ(container.listing(), listing) << "step " << step;
    EXPECT_EQ(container.mountinfo(), mounts) << "step " << step;
    EXPECT_EQ(host_mounts.changes_since(), "") << "step " << step;
    EXPECT_EQ(read_file(container.view("/etc/ld.so.cache")), "old cache") << "step " << step;
  }
  EXPECT_GT(step, 15U) << "every call of the kernel was failed once";
}

TEST_F(LinuxKernelTest, LinksOfTheImageThatLeadToTheHostStayInsideTheContainer) {
  const std::string canary = host_.below("/canary").string();
  for (const std::string& link : {canary, "/../../../../../../../.." + canary}) {
    const TestContainer container([&](const TemporaryDirectory& tree) {
      std::filesystem::remove(tree.below("/usr/lib"));
      tree.link("/usr/lib", link);
      tree.directory(canary);  // so that the link also leads to a directory inside
      tree.link("/etc/ld.so.cache", canary + "/file");
    });
    if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
    EXPECT_EQ(apply_to(container, usual_plan()), "");
    EXPECT_EQ(read_file(container.view(canary + "/libnvidia-ml.so.535.1")), "another");
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(canary)) {
      names.push_back(entry.path().filename().string());
    }
    EXPECT_THAT(names, ::testing::ElementsAre("file")) << "the host directory was touched";
    EXPECT_EQ(host_.read("/canary/file"), "host");
  }
}

TEST_F(LinuxKernelTest, AMountOfOursCannotRedirectALaterOne_CVE_2024_0132) {
  // The first target is a link to a directory, the second lies below what the first would mount
  // there.
  const TestContainer container([](const TemporaryDirectory& tree) {
    tree.directory("/usr/lib/real");
    tree.link("/usr/lib/alias", "real");
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  host_.link("/tree/escape", "../../../../../../../../../..");
  host_.directory("/tree");
  Plan plan;
  plan.mounts = {{.source = {.root = HostRoot::driver, .path = HostPath("/tree")},
                  .type = SourceType::directory,
                  .target = ContainerPath("/usr/lib/alias")},
                 library("libcuda.so.535.1", "/usr/lib/real/escape")};
  // The second target was resolved first, to a new directory below `real`, which the first mount
  // then hides: refused and undone.
  EXPECT_THAT(apply_to(container, plan), HasSubstr("does not show what was mounted"));
  EXPECT_EQ(mount_line(container, "/usr/lib/real"), "");
}

TEST_F(LinuxKernelTest, LinksAndLoaderCacheDoNotGoIntoAHostDirectoryThatWasJustMounted) {
  // In the image, the library directory and /etc are links to the place where a host directory will
  // be mounted writable.
  const TestContainer container([](const TemporaryDirectory& tree) {
    std::filesystem::remove(tree.below("/usr/lib"));
    std::filesystem::remove_all(tree.below("/etc"));
    tree.write("/tmp/nvidia-mps/libnvidia-ml.so.535.1", "the image's, so that nothing is made");
    tree.link("/usr/lib", "/tmp/nvidia-mps");
    tree.link("/etc", "/tmp/nvidia-mps");
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  host_.write("/mps/control");
  Plan plan = usual_plan();
  plan.mounts = {{.source = {.root = HostRoot::driver, .path = HostPath("/mps")},
                  .type = SourceType::directory,
                  .target = ContainerPath("/tmp/nvidia-mps"),
                  .attributes = {.read_only = false}}};
  plan.tmpfs.clear();
  static_cast<void>(apply_to(container, plan));
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(host_.below("/mps"))) {
    names.push_back(entry.path().filename().string());
  }
  EXPECT_THAT(names, ::testing::ElementsAre("control")) << "the host directory was written";
}

TEST_F(LinuxKernelTest, ADanglingLinkAtTheTargetMakesWhatItNamesInsideTheContainer) {
  const TestContainer container([](const TemporaryDirectory& tree) {
    tree.link("/usr/lib/libnvidia-ml.so.535.1", "/opt/gone/libnvidia-ml.so");
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  ASSERT_EQ(apply_to(container, usual_plan()), "");
  EXPECT_EQ(read_file(container.view("/opt/gone/libnvidia-ml.so")), "another");
  EXPECT_FALSE(std::filesystem::exists("/opt/gone"));
}

TEST_F(LinuxKernelTest, ALoopOfLinksIsRefusedAndNothingStays) {
  const TestContainer container([](const TemporaryDirectory& tree) {
    tree.link("/usr/lib/libnvidia-ml.so.535.1", "libnvidia-ml.so.535.1");
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  const std::string listing = container.listing();
  EXPECT_THAT(apply_to(container, usual_plan()), HasSubstr("NVH-0504"));
  EXPECT_EQ(container.listing(), listing);
}

TEST_F(LinuxKernelTest, ADirectoryWhereAFileGoesIsRefused) {
  const TestContainer container(
      [](const TemporaryDirectory& tree) { tree.directory("/usr/lib/libnvidia-ml.so.535.1"); });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  EXPECT_THAT(apply_to(container, usual_plan()),
              AllOf(HasSubstr("NVH-0504"), HasSubstr("/usr/lib/libnvidia-ml.so.535.1")));
}

TEST_F(LinuxKernelTest, AReadOnlyVolumeIsRefusedByNameAndNothingStays) {
  const TestContainer container({}, [](const std::string& root) {
    const std::string path = root + "/usr/lib";
    ::mount(path.c_str(), path.c_str(), nullptr, MS_BIND, nullptr);
    ::mount("none", path.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr);
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  const std::string listing = container.listing();
  EXPECT_THAT(apply_to(container, usual_plan()),
              AllOf(HasSubstr("NVH-0510"), HasSubstr("/usr/lib")));
  EXPECT_EQ(container.listing(), listing);
}

TEST_F(LinuxKernelTest, AnImagesOwnFileIsCoveredAndNeverChanged) {
  const TestContainer container([](const TemporaryDirectory& tree) {
    tree.write("/usr/lib/libnvidia-ml.so.535.1", "the image's");
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  ASSERT_EQ(apply_to(container, usual_plan()), "");
  EXPECT_EQ(read_file(container.view("/usr/lib/libnvidia-ml.so.535.1")), "another");
  EXPECT_EQ(read_file(container.rootfs() + "/usr/lib/libnvidia-ml.so.535.1"), "the image's");
}

TEST_F(LinuxKernelTest, MountsBelowASharedMountDoNotReachTheHost) {
  const TestContainer container({}, [](const std::string& root) {
    // One volume whose mount is a peer of one that this test sees would be enough; the whole root
    // is the worst case.
    ::mount("none", root.c_str(), nullptr, MS_SHARED, nullptr);
    ::mount((root + "/usr").c_str(), (root + "/dev").c_str(), nullptr, MS_BIND, nullptr);
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  Plan plan;
  plan.mounts = {library("libnvidia-ml.so.535.1", "/usr/lib")};
  ASSERT_EQ(apply_to(container, plan), "");
  // /dev shows the same directory through a peer: what is mounted in one must not appear in the
  // other.
  EXPECT_EQ(read_file(container.view("/usr/lib/libnvidia-ml.so.535.1")), "another");
  EXPECT_EQ(read_file(container.view("/dev/lib/libnvidia-ml.so.535.1")), "");
}

TEST_F(LinuxKernelTest, ADeviceOfAnotherNumberIsRefused) {
  const TestContainer container;
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  Plan plan = usual_plan();
  plan.mounts.back().device = DeviceNumber{195, 255};
  EXPECT_THAT(apply_to(container, plan),
              AllOf(HasSubstr("NVH-0405"), HasSubstr("invalid device node"), HasSubstr("1:3")));
}

TEST_F(LinuxKernelTest, ADriverFileThatOthersCanWriteIsRefused) {
  const TestContainer container;
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  std::filesystem::permissions(host_.below("/lib/libcuda.so.535.1"), std::filesystem::perms(0666));
  EXPECT_THAT(apply_to(container, usual_plan()), HasSubstr("NVH-0407"));
}

TEST_F(LinuxKernelTest, AnOptionalSourceThatIsGoneIsLeftOut) {
  const TestContainer container;
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  Plan plan = usual_plan();
  plan.mounts.push_back({.source = {.root = HostRoot::driver, .path = HostPath("/run/socket")},
                         .type = SourceType::socket,
                         .target = ContainerPath("/run/socket"),
                         .optional = true});
  EXPECT_EQ(apply_to(container, plan), "");
  EXPECT_EQ(mount_line(container, "/run/socket"), "");
}

TEST_F(LinuxKernelTest, AProcThatIsNoProcfsIsRefused) {
  const TestContainer container({}, [](const std::string& root) {
    ::mount("none", (root + "/proc").c_str(), "tmpfs", 0, nullptr);
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  EXPECT_THAT(apply_to(container, usual_plan()), HasSubstr("no procfs"));
}

TEST_F(LinuxKernelTest, AnExistingLinkIsReplacedOrKeptAsThePlanSays) {
  const TestContainer container([](const TemporaryDirectory& tree) {
    tree.link("/usr/lib/libnvidia-ml.so.1", "libnvidia-ml.so.111");
    tree.link("/usr/lib/libcuda.so", "mine");
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  Plan plan = usual_plan();
  plan.symlinks.push_back({.link = ContainerPath("/usr/lib/libcuda.so"), .target = "libcuda.so.1"});
  ASSERT_EQ(apply_to(container, plan), "");
  EXPECT_EQ(std::filesystem::read_symlink(container.view("/usr/lib/libnvidia-ml.so.1")),
            "libnvidia-ml.so.535.1");
  EXPECT_EQ(std::filesystem::read_symlink(container.view("/usr/lib/libcuda.so")), "mine");
}

TEST_F(LinuxKernelTest, AnAbsentOrOwnMountNamespaceIsRefused) {
  EXPECT_THAT(in_child([] {
                const ContainerProcess process(::getppid());
                return std::string("accepted");
              }),
              HasSubstr("has no mount namespace of its own"));
  EXPECT_THAT(in_child([] {
                const ContainerProcess process(4'000'000);
                return std::string("accepted");
              }),
              Not(HasSubstr("accepted")));
}

}  // namespace
}  // namespace nvhook
