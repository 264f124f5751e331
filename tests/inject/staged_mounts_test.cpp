// SPDX-License-Identifier: Apache-2.0
// Mounts without the new mount calls: only what is particular to them. The rest is in
// linux_kernel_test, which ctest also runs with these calls refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <initializer_list>

#include "support/linux_kernel_fixture.hpp"
#include "support/mount_table.hpp"
#include "support/private_namespaces.hpp"

namespace nvhook {
namespace {

using namespace test;
using ::testing::HasSubstr;
using ::testing::Not;

class StagedMountsTest : public LinuxKernelTest {
 protected:
  /// Applies `plan` while `call` is refused; returns the error, or an empty string.
  std::string apply_without(unsigned call, const TestContainer& container, const Plan& plan) {
    return in_child([&] {
      refuse_call(call, ENOSYS);
      return apply_to(container, plan);
    });
  }

  [[nodiscard]] static Plan one_library() {
    Plan plan;
    plan.mounts = {library("libcuda.so.535.1", "/usr/lib")};
    return plan;
  }
};

TEST_F(StagedMountsTest, AnyCallThatIsRefusedIsEnoughAndNothingOfThePlaceStays) {
  for (const unsigned call :
       std::initializer_list<unsigned>{SYS_open_tree, SYS_move_mount, SYS_mount_setattr, SYS_fsopen,
                                       SYS_fsconfig, SYS_fsmount}) {
    const TestContainer container;
    if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
    const MountTable host_mounts;
    ASSERT_EQ(apply_without(call, container, usual_plan()), "") << "call " << call;
    EXPECT_EQ(read_file(container.view("/usr/lib/libnvidia-ml.so.1")), "another");
    EXPECT_THAT(container.mountinfo(), Not(HasSubstr("mode=700"))) << "call " << call;
    EXPECT_EQ(host_mounts.changes_since(), "") << "call " << call;
  }
}

TEST_F(StagedMountsTest, AnotherFileAtTheSourcesPathInTheContainersNamespaceIsRefused) {
  host_.write("/evil", "not verified");
  const TestContainer container({}, [&](const std::string&) {
    ::mount(host_.below("/evil").c_str(), host_.below("/lib/libcuda.so.535.1").c_str(), nullptr,
            MS_BIND, nullptr);
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  const std::string mounts = container.mountinfo();
  EXPECT_THAT(apply_without(SYS_move_mount, container, one_library()),
              HasSubstr("is not what was checked on the host"));
  EXPECT_EQ(container.mountinfo(), mounts);
  // A clone is made of the host's own mount.
  EXPECT_EQ(apply_to(container, one_library()), "");
}

TEST_F(StagedMountsTest, ALinkOnTheWayToTheSourceIsNotFollowedInTheContainersNamespace) {
  host_.write("/elsewhere/libcuda.so.535.1", "not verified");
  const TestContainer container({}, [&](const std::string&) {
    const std::string lib = host_.below("/lib");
    ::mount("none", lib.c_str(), "tmpfs", 0, nullptr);
    std::filesystem::create_symlink("../elsewhere/libcuda.so.535.1", lib + "/libcuda.so.535.1");
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  EXPECT_THAT(apply_without(SYS_fsopen, container, one_library()),
              HasSubstr("is not what was checked on the host"));
}

TEST_F(StagedMountsTest, ASourceOnASharedMountLetsNothingOut) {
  // A bind mount of a shared mount is shared, and a mount below one appears below all of them.
  const TestContainer container({}, [&](const std::string&) {
    const std::string driver = host_.path().string();
    ::mount(driver.c_str(), driver.c_str(), nullptr, MS_BIND, nullptr);
    ::mount("none", "/", nullptr, MS_REC | MS_SHARED, nullptr);
  });
  if (!container.usable()) GTEST_SKIP() << "mount namespaces are refused here";
  const MountTable host_mounts;
  ASSERT_EQ(apply_without(SYS_open_tree, container, one_library()), "");
  EXPECT_THAT(mount_line(container, "/usr/lib/libcuda.so.535.1"), Not(HasSubstr("shared:")));
  EXPECT_EQ(host_mounts.changes_since(), "");
}

}  // namespace
}  // namespace nvhook
