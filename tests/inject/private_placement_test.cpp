// SPDX-License-Identifier: Apache-2.0
// Plans whose files go to a tmpfs of ours, applied to real mount namespaces and failing at every
// step; and loader files that are mounted over.
#include <gmock/gmock.h>

#include <string>

#include "formats/ld_cache.hpp"
#include "plan/placement.hpp"
#include "support/linux_kernel_fixture.hpp"
#include "support/make_ld_cache.hpp"
#include "support/mount_table.hpp"

namespace nvhook {
namespace {

using namespace test;
using ::testing::HasSubstr;

class PrivatePlacement : public LinuxKernelTest {
 protected:
  [[nodiscard]] static Plan private_plan() {
    Plan plan = usual_plan();
    plan.mounts[0].target = ContainerPath("/usr/bin/a-program");
    return place(std::move(plan), {.private_directory = ContainerPath("/usr/local/nvidia")},
                 Placement::private_directory);
  }

  [[nodiscard]] static std::string cached_path(const TestContainer& container,
                                               const std::string& file = "/etc/ld.so.cache") {
    const auto cache = parse_ld_cache(read_file(container.view(file)));
    return cache && !cache->empty() ? cache->front().path : "";
  }
};

TEST_F(PrivatePlacement, FilesAreOnOneTmpfsAndTheCacheIsCovered) {
  const TestContainer container(
      [](const TemporaryDirectory& tree) { tree.write("/etc/ld.so.cache", "the image's"); });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  const MountTable host_mounts;
  ASSERT_EQ(apply_to(container, private_plan()), "");
  EXPECT_EQ(read_file(container.view("/usr/local/nvidia/lib64/libnvidia-ml.so.1")), "another");
  // To follow the link would lead this process to a file of the host.
  EXPECT_EQ(std::filesystem::read_symlink(container.view("/usr/bin/a-program")),
            "/usr/local/nvidia/bin/a-program");
  EXPECT_EQ(read_file(container.view("/usr/local/nvidia/bin/a-program")), "driver library");
  EXPECT_EQ(cached_path(container), "/usr/local/nvidia/lib64/libnvidia-ml.so.1");
  EXPECT_THAT(mount_line(container, "/etc/ld.so.cache"), HasSubstr(" ro,nosuid,nodev,noexec"));
  EXPECT_THAT(mount_line(container, "/usr/local/nvidia"), HasSubstr(" ro,nosuid,nodev,noexec"));
  EXPECT_EQ(read_file(container.rootfs() + "/etc/ld.so.cache"), "the image's")
      << "below the mount it stays as it is";
  EXPECT_EQ(host_mounts.changes_since(), "");
}

TEST_F(PrivatePlacement, WhereThereIsNoCacheOneIsLeftThatNamesNothing) {
  const TestContainer container;
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  ASSERT_EQ(apply_to(container, private_plan()), "");
  EXPECT_EQ(cached_path(container), "/usr/local/nvidia/lib64/libnvidia-ml.so.1");
  const auto left = parse_ld_cache(read_file(container.rootfs() + "/etc/ld.so.cache"));
  ASSERT_TRUE(left);
  EXPECT_TRUE(left->empty());
}

TEST_F(PrivatePlacement, AFailureAtAnyStepLeavesTheContainerAsItWas) {
  for (const bool has_cache : {true, false}) {
    const auto image = [&](const TemporaryDirectory& tree) {
      if (has_cache) tree.write("/etc/ld.so.cache", "old cache");
    };
    std::size_t step = 0;
    for (;; ++step) {
      const TestContainer container(image);
      if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
      const std::string listing = container.listing();
      const std::string mounts = container.mountinfo();
      const std::string outcome = apply_to(container, private_plan(), step);
      if (outcome.empty()) break;  // after the last step: it succeeded
      EXPECT_THAT(outcome, HasSubstr("failed on purpose"));
      EXPECT_EQ(container.listing(), listing) << "step " << step;
      EXPECT_EQ(container.mountinfo(), mounts) << "step " << step;
    }
    EXPECT_GT(step, 15U) << "every call of the kernel was failed once";
  }
}

TEST_F(PrivatePlacement, ACacheThatIsNoFileIsReplacedAsItCannotBeCovered) {
  const TestContainer container(
      [](const TemporaryDirectory& tree) { tree.link("/etc/ld.so.cache", "/nowhere"); });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  ASSERT_EQ(apply_to(container, private_plan()), "");
  EXPECT_EQ(cached_path(container), "/usr/local/nvidia/lib64/libnvidia-ml.so.1");
}

TEST_F(PrivatePlacement, ACacheIsCoveredAlsoWithoutATmpfsOfOurs) {
  const TestContainer container(
      [](const TemporaryDirectory& tree) { tree.write("/etc/ld.so.cache", "the image's"); });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  const MountTable host_mounts;
  Plan plan = usual_plan();
  plan.tmpfs.clear();
  plan.mounts.clear();
  plan.symlinks.clear();
  plan.cover_loader_files = true;
  ASSERT_EQ(apply_to(container, plan), "");
  EXPECT_EQ(cached_path(container), "/usr/lib/libnvidia-ml.so.1");
  EXPECT_EQ(host_mounts.changes_since(), "");
}

/// Mounts a directory of the image over itself, as a volume.
void mount_volume(const std::string& path) {
  ::mount(path.c_str(), path.c_str(), nullptr, MS_BIND, nullptr);
}

TEST_F(PrivatePlacement, ACacheOnAVolumeIsCoveredAlsoThroughALink) {
  for (const bool is_link : {false, true}) {
    const TestContainer container(
        [&](const TemporaryDirectory& tree) {
          tree.write("/vol/cache", make_ld_cache({}));
          if (is_link) {
            tree.link("/etc/ld.so.cache", "/vol/cache");
          } else {
            tree.write("/etc/ld.so.cache", make_ld_cache({}));
          }
        },
        [](const std::string& root) {
          mount_volume(root + "/etc");
          mount_volume(root + "/vol");
        });
    if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
    const std::string listing = container.listing();
    Plan plan = usual_plan();
    plan.mounts.clear();
    plan.symlinks.clear();
    ASSERT_EQ(apply_to(container, plan), "");
    EXPECT_EQ(cached_path(container, is_link ? "/vol/cache" : "/etc/ld.so.cache"),
              "/usr/lib/libnvidia-ml.so.1");
    EXPECT_EQ(read_file(container.rootfs() + "/vol/cache"), make_ld_cache({}));
    EXPECT_EQ(container.listing(), listing);
  }
}

TEST_F(PrivatePlacement, WithoutACacheOnTheVolumePrivateLibrariesAreRefused) {
  const TestContainer container({}, [](const std::string& root) { mount_volume(root + "/etc"); });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  const std::string listing = container.listing();
  EXPECT_THAT(apply_to(container, private_plan()),
              AllOf(HasSubstr("NVH-0507"), HasSubstr("/etc/ld.so.cache is no file")));
  EXPECT_EQ(container.listing(), listing);
}

TEST_F(PrivatePlacement, WithoutACacheOnTheVolumeLibrariesInTheirUsualPlacesAreEnough) {
  const TestContainer container({}, [](const std::string& root) { mount_volume(root + "/etc"); });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  EXPECT_EQ(apply_to(container, usual_plan()), "");
  EXPECT_EQ(read_file(container.view("/usr/lib/libnvidia-ml.so.1")), "another");
}

}  // namespace
}  // namespace nvhook
