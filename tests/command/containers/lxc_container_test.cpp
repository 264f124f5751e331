// SPDX-License-Identifier: Apache-2.0
// Containers of LXC by name: their configuration, and their first process by cgroup and namespace.
#include "command/containers/lxc_container.hpp"

#include <gtest/gtest.h>

#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

class LxcContainer : public ::testing::Test {
 protected:
  void add_process(const std::string& pid, const std::string& cgroup, const std::string& numbers) {
    host_.write("/proc/" + pid + "/cgroup", "0::" + cgroup + "\n");
    host_.write("/proc/" + pid + "/status", "Name:\tinit\nNSpid:\t" + numbers + "\n");
  }
  [[nodiscard]] std::optional<ContainerRecord> find(const std::string& name) const {
    return find_lxc_container(name, *open_root(host_.path().string()));
  }

  test::TemporaryDirectory host_ = {};
};

TEST_F(LxcContainer, IsItsFirstProcessWhereverThatMovedInItsCgroup) {
  host_.write("/var/lib/lxc/web/config");
  add_process("70", "/lxc.monitor.web", "70");
  add_process("71", "/lxc.payload.web/init.scope", "71\t1");
  add_process("72", "/lxc.payload.web/init.scope", "72\t9");
  add_process("73", "/lxc.payload.web2", "73\t1");
  const auto found = find("web");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->engine, "LXC");
  EXPECT_EQ(found->id, "web");
  EXPECT_EQ(found->pid, 71);
}

TEST_F(LxcContainer, HasNoProcessIfItDoesNotRun) {
  host_.write("/var/lib/lxc/web/config");
  EXPECT_EQ(find("web")->pid, 0);
}

TEST_F(LxcContainer, IsNoneWithoutAConfiguration) {
  host_.write("/var/lib/lxc/config");
  for (const char* name : {"web", "", "..", ".", "web/../web"}) EXPECT_FALSE(find(name)) << name;
}

TEST(LxcRootfs, IsTheDirectoryOfTheLastLine) {
  EXPECT_EQ(parse_lxc_rootfs("lxc.rootfs.path = dir:/a\nlxc.rootfs.path=/b\n"), "/b");
  EXPECT_EQ(parse_lxc_rootfs("lxc.rootfs.path = dir:/var/lib/lxc/web/rootfs"),
            "/var/lib/lxc/web/rootfs");
}

TEST(LxcRootfs, IsNoneForAnImageOrADevice) {
  EXPECT_EQ(parse_lxc_rootfs("lxc.rootfs.path = overlayfs:/a:/b"), "");
  EXPECT_EQ(parse_lxc_rootfs("lxc.rootfs.path = loop:/a.img\n# lxc.rootfs.path = /x"), "");
  EXPECT_EQ(parse_lxc_rootfs(""), "");
}

}  // namespace
}  // namespace nvhook
