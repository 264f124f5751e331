// SPDX-License-Identifier: Apache-2.0
// Tests what depends on SELinux, on trees with its switches, and that the label reaches the kernel.
#include "os/selinux.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

#include "inject/tmpfs.hpp"
#include "support/fails_with.hpp"
#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

using ::testing::HasSubstr;

RootDir root_of(const test::TemporaryDirectory& tree) { return *open_root(tree.path().string()); }

TEST(Selinux, IsThereIfItsFileSystemIs) {
  const test::TemporaryDirectory host;
  EXPECT_FALSE(has_selinux(root_of(host)));
  host.directory("/sys/fs/selinux");
  EXPECT_TRUE(has_selinux(root_of(host)));
}

TEST(Selinux, IsNamedForADeniedDeviceWhereItEnforces) {
  const test::TemporaryDirectory host;
  EXPECT_EQ(remedy_for_denied_device(EACCES, "look", root_of(host)), "look");
  host.write("/sys/fs/selinux/enforce", "0");
  EXPECT_EQ(remedy_for_denied_device(EACCES, "look", root_of(host)), "look");
  host.write("/sys/fs/selinux/enforce", "1");
  EXPECT_EQ(remedy_for_denied_device(ENOENT, "look", root_of(host)), "look");
  EXPECT_THAT(remedy_for_denied_device(EACCES, "look", root_of(host)),
              HasSubstr("setsebool -P container_use_devices 1"));
}

/// A kernel without SELinux refuses the option, which shows that it was passed.
TEST(Selinux, TheLabelOfATmpfsReachesTheKernel) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to make a tmpfs: run ctest as root";
  if (has_selinux(*open_root("/"))) GTEST_SKIP() << "needs a host without SELinux";
  TmpfsMount mount{.target = ContainerPath("/proc/driver/nvidia")};
  EXPECT_TRUE(make_detached_tmpfs(mount, 0, 0));
  mount.label = "system_u:object_r:container_file_t:s0";
  EXPECT_THAT([&] { static_cast<void>(make_detached_tmpfs(mount, 0, 0)); },
              fails_with(Code::mount_failed, "configure a tmpfs"));
}

}  // namespace
}  // namespace nvhook
