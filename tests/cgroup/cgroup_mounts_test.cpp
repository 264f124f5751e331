// SPDX-License-Identifier: Apache-2.0
// The usual mount points of cgroup hierarchies give the same result as the whole mountinfo.
#include "cgroup/cgroup_mounts.hpp"

#include <gtest/gtest.h>

#include "cgroup/cgroup_text.hpp"
#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

TEST(CgroupMounts, AreThoseOfMountinfo) {
  const auto system = open_root("/");
  const std::string cgroup = system->read("/proc/self/cgroup", 1UL << 20U).value_or("");
  const std::string all = own_mountinfo(*system);
  EXPECT_EQ(find_device_cgroups(cgroup, cgroup_mountinfo(*system, cgroup)),
            find_device_cgroups(cgroup, all));
}

TEST(CgroupMounts, AreReadWhereTheUsualPlaceIsSomethingElse) {
  const test::TemporaryDirectory tree;
  tree.directory("/sys/fs/cgroup/devices");
  tree.write("/proc/self/mountinfo", "all of it");
  const auto system = open_root(tree.path());
  EXPECT_EQ(cgroup_mountinfo(*system, "0::/a\n"), "all of it");
  EXPECT_EQ(cgroup_mountinfo(*system, "4:devices:/a\n"), "all of it");
}

TEST(CgroupMounts, OfAProcessInNoneAreNone) {
  const test::TemporaryDirectory tree;
  EXPECT_EQ(cgroup_mountinfo(*open_root(tree.path()), "1:name=systemd:/\n"), "");
}

}  // namespace
}  // namespace nvhook
