// SPDX-License-Identifier: Apache-2.0
// What of a plan a container has already, and what it lacks.
#include "inject/applied_steps.hpp"

#include <gtest/gtest.h>

#include "inject/container_process.hpp"
#include "support/temporary_directory.hpp"
#include "support/test_container.hpp"

namespace nvhook {
namespace {

using test::TemporaryDirectory;
using test::TestContainer;

/// A container with one library of the host mounted, and a tmpfs that shows one GPU.
class AppliedSteps : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to make mount namespaces: run ctest as root";
    host_.write("/lib/cuda");
    host_.write("/lib/ml");
    container_.emplace(
        [](const TemporaryDirectory& tree) {
          tree.write("/usr/lib/cuda");
          tree.write("/usr/lib/ml");
          tree.directory("/view");
        },
        [this](const std::string& root) {
          ::mount(host_.below("/lib/cuda").c_str(), (root + "/usr/lib/cuda").c_str(), nullptr,
                  MS_BIND, nullptr);
          ::mount("none", (root + "/view").c_str(), "tmpfs", 0, nullptr);
          std::filesystem::create_directories(root + "/view/gpus/a");
          std::ofstream(root + "/view/params") << "no\n";
        });
    if (!container_->usable()) GTEST_SKIP() << "mount namespaces are refused here";
  }

  [[nodiscard]] Plan lacking(Plan plan) const {
    const ContainerProcess process(container_->pid());
    const RootDir root = process.open_rootfs(container_->rootfs());
    const RootDir host = *open_root(host_.path().string());
    return without_applied(std::move(plan), root, host, host);
  }

  static BindMount library(const std::string& name) {
    return {.source = {.root = HostRoot::driver, .path = HostPath("/lib/" + name)},
            .target = ContainerPath("/usr/lib/" + name)};
  }
  static TmpfsMount view() {
    return {.target = ContainerPath("/view"),
            .entries = {{.path = "params", .content = "no\n"},
                        {.path = "gpus", .directory = true},
                        {.path = "gpus/a", .directory = true}}};
  }

  TemporaryDirectory host_ = {};
  std::optional<TestContainer> container_ = {};
};

TEST_F(AppliedSteps, AMountThatShowsItsSourceIsNoStep) {
  const Plan left = lacking({.mounts = {library("cuda"), library("ml")}});
  ASSERT_EQ(left.mounts.size(), 1U);
  EXPECT_EQ(left.mounts[0].target.str(), "/usr/lib/ml");
}

TEST_F(AppliedSteps, ATmpfsThatIsAsItShouldBeIsNoStep) {
  EXPECT_TRUE(lacking({.tmpfs = {view()}}).tmpfs.empty());
}

TEST_F(AppliedSteps, ATmpfsThatLacksAnEntryOrHasAnotherOneGivesWay) {
  TmpfsMount more = view();
  more.entries.push_back({.path = "gpus/b", .directory = true});
  TmpfsMount fewer = view();
  fewer.entries.pop_back();
  TmpfsMount other = view();
  other.entries[0].content = "yes\n";
  for (const TmpfsMount& wanted : {more, fewer, other}) {
    const Plan left = lacking({.tmpfs = {wanted}});
    ASSERT_EQ(left.tmpfs.size(), 1U);
    EXPECT_TRUE(left.tmpfs[0].takes_over);
  }
}

TEST_F(AppliedSteps, WhatLiesOnATmpfsThatGivesWayIsMountedAnew) {
  TmpfsMount whole{.target = ContainerPath("/usr/lib")};
  EXPECT_EQ(lacking({.tmpfs = {whole}, .mounts = {library("cuda")}}).mounts.size(), 1U);
}

}  // namespace
}  // namespace nvhook
