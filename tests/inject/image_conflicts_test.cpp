// SPDX-License-Identifier: Apache-2.0
// Images that have files of their own where the driver's files go, and other loaders than glibc's.
#include <gmock/gmock.h>

#include <functional>

#include "support/linux_kernel_fixture.hpp"

namespace nvhook {
namespace {

using namespace test;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kLink = "/usr/lib/libnvidia-ml.so.1";

class ImageConflicts : public LinuxKernelTest {};

TEST_F(ImageConflicts,
       ARealFileWhereTheSonameLinkGoesIsCovered_ReferenceLeftTheOldLibraryInCharge) {
  const TestContainer container(
      [](const TemporaryDirectory& tree) { tree.write(kLink, "the image's, of another version"); });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  ASSERT_EQ(apply_to(container, usual_plan()), "");
  EXPECT_EQ(read_file(container.view(kLink)), "another");
  EXPECT_EQ(read_file(container.rootfs() + kLink), "the image's, of another version");
  EXPECT_THAT(mount_line(container, kLink), HasSubstr(" ro,nosuid,nodev,"));
}

TEST_F(ImageConflicts, AnEmptyLeftoverOfAnotherVersionLosesItsLink) {
  const TestContainer container([](const TemporaryDirectory& tree) {
    tree.write("/usr/lib/libnvidia-ml.so.111");
    tree.link(kLink, "libnvidia-ml.so.111");
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  ASSERT_EQ(apply_to(container, usual_plan()), "");
  EXPECT_EQ(read_file(container.view(kLink)), "another");
}

TEST_F(ImageConflicts, ADirectoryWhereTheSonameLinkGoesStays) {
  const TestContainer container([](const TemporaryDirectory& tree) { tree.directory(kLink); });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  ASSERT_EQ(apply_to(container, usual_plan()), "");
  EXPECT_TRUE(std::filesystem::is_directory(container.view(kLink)));
}

TEST_F(ImageConflicts, AFifoWhereTheSonameLinkGoesIsNeitherOpenedNorCovered) {
  const TestContainer container([](const TemporaryDirectory& tree) {
    if (::mkfifo(tree.below(kLink).c_str(), 0644) != 0) throw std::runtime_error("mkfifo");
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  ASSERT_EQ(apply_to(container, usual_plan()), "");
  EXPECT_TRUE(std::filesystem::is_fifo(container.view(kLink)));
}

TEST_F(ImageConflicts, WhatAUserMountedThereStays) {
  const TestContainer container(
      [](const TemporaryDirectory& tree) {
        tree.write(kLink, "the image's");
        tree.write("/mine", "the user's");
      },
      [](const std::string& root) {
        ::mount((root + "/mine").c_str(), (root + kLink).c_str(), nullptr, MS_BIND, nullptr);
      });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  ASSERT_EQ(apply_to(container, usual_plan()), "");
  EXPECT_EQ(read_file(container.view(kLink)), "the user's");
}

TEST_F(ImageConflicts, ACoveredFileIsUncoveredWhenALaterStepFails) {
  for (std::size_t step = 0; step < 40; ++step) {
    const TestContainer container(
        [](const TemporaryDirectory& tree) { tree.write(kLink, "the image's"); });
    if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
    const std::string failure = apply_to(container, usual_plan(), step);
    if (failure.empty()) {
      EXPECT_GT(step, 10U);
      return;
    }
    EXPECT_EQ(read_file(container.view(kLink)), "the image's") << failure;
  }
  FAIL() << "no end of steps";
}

TEST_F(ImageConflicts, ALibraryDirectoryThatIsALinkIntoAStoreIsFollowedInsideTheImage) {
  const TestContainer container([](const TemporaryDirectory& tree) {
    tree.directory("/nix/store/abc/lib");
    tree.link("/lib", "/nix/store/abc/lib");
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  Plan plan;
  plan.mounts = {library("libnvidia-ml.so.535.1", "/lib")};
  ASSERT_EQ(apply_to(container, plan), "");
  EXPECT_EQ(read_file(container.view("/nix/store/abc/lib/libnvidia-ml.so.535.1")), "another");
}

TEST_F(ImageConflicts, WhatIsOptionalIsLeftOutWhereNothingCanBeMade) {
  const TestContainer container({}, [](const std::string& root) {
    const std::string path = root + "/etc";
    ::mount(path.c_str(), path.c_str(), nullptr, MS_BIND, nullptr);
    ::mount("none", path.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr);
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  Plan plan = usual_plan();
  plan.tmpfs.push_back({.target = ContainerPath("/etc/nvidia/profiles"), .optional = true});
  plan.symlinks.push_back(
      {.link = ContainerPath("/etc/nvidia/link"), .target = "x", .optional = true});
  EXPECT_EQ(apply_to(container, plan), "");
  plan.symlinks.back().optional = false;
  EXPECT_THAT(apply_to(container, plan), HasSubstr("NVH-0510"));
}

// ---- musl

Plan musl_plan() {
  Plan plan;
  plan.loader_path = LoaderPath{.file = ContainerPath("/etc/ld-musl-x86_64.path"),
                                .directories = {ContainerPath("/usr/lib64")}};
  return plan;
}

TEST_F(ImageConflicts, MuslsPathIsMadeWithItsDefaultsFirst) {
  const TestContainer container;
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  ASSERT_EQ(apply_to(container, musl_plan()), "");
  EXPECT_EQ(read_file(container.view("/etc/ld-musl-x86_64.path")),
            "/lib:/usr/local/lib:/usr/lib\n/usr/lib64\n");
}

TEST_F(ImageConflicts, MuslsPathKeepsWhatTheImageSays) {
  const TestContainer container([](const TemporaryDirectory& tree) {
    tree.write("/etc/ld-musl-x86_64.path", "/opt/lib:/usr/lib");
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  ASSERT_EQ(apply_to(container, musl_plan()), "");
  ASSERT_EQ(apply_to(container, musl_plan()), "");
  EXPECT_EQ(read_file(container.view("/etc/ld-musl-x86_64.path")),
            "/opt/lib:/usr/lib\n/usr/lib64\n");
}

TEST_F(ImageConflicts, AMuslPathThatIsALinkIsReplacedAndNeverWrittenThrough) {
  const TestContainer container([](const TemporaryDirectory& tree) {
    tree.write("/etc/passwd", "root");
    tree.link("/etc/ld-musl-x86_64.path", "passwd");
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  ASSERT_EQ(apply_to(container, musl_plan()), "");
  EXPECT_EQ(read_file(container.view("/etc/passwd")), "root");
  EXPECT_THAT(read_file(container.view("/etc/ld-musl-x86_64.path")), HasSubstr("/usr/lib64"));
}

/// The cache was renamed into place already; no other file of ours may stay beside it either.
TEST_F(ImageConflicts, TheOldCacheComesBackWhenMuslsPathCannotBeReplaced) {
  for (const bool has_cache : {true, false}) {
    const TestContainer container([&](const TemporaryDirectory& tree) {
      tree.directory("/etc/ld-musl-x86_64.path/x");
      if (has_cache) tree.write("/etc/ld.so.cache", "the image's");
    });
    if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
    Plan plan = musl_plan();
    plan.loader_entries = {{.soname = "libcuda.so.1", .path = ContainerPath("/lib/libcuda.so.1")}};
    EXPECT_THAT(apply_to(container, plan), HasSubstr("NVH-0507"));
    std::vector<std::string> whole{"debian_version", "ld-musl-x86_64.path"};
    if (has_cache) whole.emplace_back("ld.so.cache");
    EXPECT_EQ(open_root(container.view("/etc"))->list("/"), whole);
    EXPECT_EQ(read_file(container.view("/etc/ld.so.cache")), has_cache ? "the image's" : "");
  }
}

}  // namespace
}  // namespace nvhook
