// SPDX-License-Identifier: Apache-2.0
// Texts, links in the place of files, and modes, in real mount namespaces.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "support/linux_kernel_fixture.hpp"
#include "support/mount_table.hpp"

namespace nvhook {
namespace {

using namespace test;
using ::testing::HasSubstr;

const std::string kConf = "/etc/ld.so.conf.d/00-compat.conf";

Plan text_plan(const std::string& text = "/opt/lib\n") {
  return {.texts = {{.path = ContainerPath(kConf), .text = text}}};
}

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

class TextFiles : public LinuxKernelTest {};

TEST_F(TextFiles, ATextTakesItsNameOnceAndAgain) {
  const TestContainer container;
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  ASSERT_EQ(apply_to(container, text_plan()), "");
  EXPECT_EQ(read_file(container.view(kConf)), "/opt/lib\n");
  const std::string listing = container.listing();
  ASSERT_EQ(apply_to(container, text_plan()), "");
  ASSERT_EQ(apply_to(container, text_plan("")), "");
  EXPECT_EQ(read_file(container.view(kConf)), "");
  EXPECT_EQ(container.listing(), listing) << "no temporary names stay";
}

TEST_F(TextFiles, ALinkOfThatNameIsReplacedAndNotFollowed) {
  const TestContainer container([](const TemporaryDirectory& tree) {
    tree.write("/target", "the image's");
    tree.link(kConf, "/target");
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  ASSERT_EQ(apply_to(container, text_plan()), "");
  EXPECT_EQ(read_file(container.view("/target")), "the image's");
  EXPECT_EQ(read_file(container.view(kConf)), "/opt/lib\n");
}

TEST_F(TextFiles, AVolumeIsNeverWritten) {
  const std::string volume = host_.below("/canary").string();
  const TestContainer container(
      [](const TemporaryDirectory& tree) { tree.directory("/etc/ld.so.conf.d"); },
      [&](const std::string& root) {
        ::mount(volume.c_str(), (root + "/etc/ld.so.conf.d").c_str(), nullptr, MS_BIND, nullptr);
      });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  Plan plan = text_plan();
  plan.symlinks = {{.link = ContainerPath("/etc/ld.so.conf.d/file"),
                    .target = "x",
                    .replace = true,
                    .replace_file = true,
                    .optional = true}};
  plan.modes = {{ContainerPath("/etc/ld.so.conf.d/file"), 0600},
                {ContainerPath("/etc/ld.so.conf.d"), 0700}};
  const unsigned before = mode_of(volume + "/file");
  ASSERT_EQ(apply_to(container, plan), "");
  EXPECT_EQ(read_file(volume + "/file"), "host");
  EXPECT_EQ(mode_of(volume + "/file"), before);
  EXPECT_EQ(mode_of(volume), 0755U);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(volume)) {
    names.push_back(entry.path().filename().string());
  }
  EXPECT_THAT(names, ::testing::ElementsAre("file"));
}

TEST_F(TextFiles, ALinkTakesThePlaceOfAFile) {
  const TestContainer container([](const TemporaryDirectory& tree) {
    tree.write("/usr/lib/libcuda.so", "the image's");
    tree.directory("/usr/lib/directory");
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  Plan plan;
  for (const char* name : {"libcuda.so", "directory", "new"}) {
    plan.symlinks.push_back({.link = ContainerPath("/usr/lib/" + std::string(name)),
                             .target = "libcuda.so.1",
                             .replace = true,
                             .replace_file = true});
  }
  ASSERT_EQ(apply_to(container, plan), "");
  EXPECT_THAT(container.listing(), HasSubstr("/usr/lib/libcuda.so -> libcuda.so.1\n"));
  EXPECT_THAT(container.listing(), HasSubstr("/usr/lib/new -> libcuda.so.1\n"));
  EXPECT_THAT(container.listing(), HasSubstr("/usr/lib/directory\n"));
  const std::string listing = container.listing();
  ASSERT_EQ(apply_to(container, plan), "");
  EXPECT_EQ(container.listing(), listing);
}

TEST_F(TextFiles, AModeIsSetOnFilesAndDirectoriesOfTheContainerOnly) {
  const TestContainer container([](const TemporaryDirectory& tree) {
    tree.directory("/opt/closed");
    tree.link("/opt/link", "closed");
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  const Plan plan{.modes = {{ContainerPath("/opt/link"), 0711},
                            {ContainerPath("/nothing"), 0755},
                            {ContainerPath("/proc"), 0700},
                            {ContainerPath("/dev"), 01777}}};
  ASSERT_EQ(apply_to(container, plan), "");
  EXPECT_EQ(mode_of(container.view("/opt/closed")), 0711U);
  EXPECT_EQ(mode_of(container.view("/proc")), 0555U);
  EXPECT_EQ(mode_of(container.view("/dev")), 01777U);
}

TEST_F(TextFiles, AFailureAtAnyStepLeavesTheContainerAsItWas) {
  const auto image = [](const TemporaryDirectory& tree) {
    tree.write("/usr/lib/libcuda.so", "the image's");
    tree.write(kConf, "old");
    tree.directory("/opt/closed");
  };
  Plan plan = text_plan();
  plan.symlinks = {{.link = ContainerPath("/usr/lib/libcuda.so"),
                    .target = "libcuda.so.1",
                    .replace = true,
                    .replace_file = true}};
  plan.modes = {{ContainerPath("/opt/closed"), 0711}};
  std::size_t step = 0;
  for (;; ++step) {
    const TestContainer container(image);
    if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
    const std::string listing = container.listing();
    const std::string outcome = apply_to(container, plan, step);
    if (outcome.empty()) break;
    EXPECT_EQ(container.listing(), listing) << "step " << step;
    EXPECT_EQ(read_file(container.view("/usr/lib/libcuda.so")), "the image's") << "step " << step;
    EXPECT_EQ(read_file(container.view(kConf)), "old") << "step " << step;
    EXPECT_EQ(mode_of(container.view("/opt/closed")), 0755U) << "step " << step;
  }
  EXPECT_GT(step, 7U) << "every call of the kernel was failed once";
}

}  // namespace
}  // namespace nvhook
