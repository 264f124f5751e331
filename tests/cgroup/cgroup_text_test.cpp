// SPDX-License-Identifier: Apache-2.0
// A process's device cgroups, found in /proc/<pid>/cgroup and mountinfo.
#include "cgroup/cgroup_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Hierarchy = DeviceCgroup::Version;

constexpr std::string_view kHybridMounts =
    "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
    "23 27 0:22 / /sys rw,relatime - sysfs sysfs rw\n"
    "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
    "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"
    "36 31 0:33 / /sys/fs/cgroup/devices rw,relatime shared:7 master:1 - cgroup cgroup rw,devices\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

constexpr std::string_view kUnifiedMounts =
    "23 27 0:22 / /sys rw,relatime - sysfs sysfs rw\n"
    "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";

DeviceCgroup v1(std::string directory) { return {Hierarchy::v1, std::move(directory)}; }
DeviceCgroup v2(std::string directory) { return {Hierarchy::v2, std::move(directory)}; }

struct Case {
  std::string name;
  std::string cgroup;
  std::string mountinfo;
  std::vector<DeviceCgroup> found;
};

class FindDeviceCgroups : public ::testing::TestWithParam<Case> {};

TEST_P(FindDeviceCgroups, FindsWhatIsListedAndMounted) {
  const Case& c = GetParam();
  EXPECT_EQ(find_device_cgroups(c.cgroup, c.mountinfo), c.found);
}

const Case kCases[] = {
    {"Unified",
     "0::/system.slice/docker-1.scope\n",
     std::string(kUnifiedMounts),
     {v2("/sys/fs/cgroup/system.slice/docker-1.scope")}},
    {"HybridBothV1First",
     "0::/c\n5:devices:/docker/c\n1:name=systemd:/\n",
     std::string(kHybridMounts),
     {v1("/sys/fs/cgroup/devices/docker/c"), v2("/sys/fs/cgroup/unified/c")}},
    {"AMountPointThatClimbsOrIsNoneAtAll",
     "5:devices:/a\n0::/b\n",
     "1 1 0:1 / . rw - cgroup cgroup rw,devices\n"
     "2 2 0:2 / /sys/\\056\\056/x rw - cgroup2 cgroup2 rw\n",
     {}},
    {"HybridListWhereOnlyCgroup2IsMounted",
     "5:devices:/docker/c\n0::/c\n",
     std::string(kUnifiedMounts),
     {v2("/sys/fs/cgroup/c")}},
    {"CoMountedControllers",
     "3:cpu,devices:/c\n",
     "27 1 254:0 / / rw - ext4 /dev/vda rw\n"
     "36 27 0:33 / /cg/both rw - cgroup cgroup rw,cpu,devices\n",
     {v1("/cg/both/c")}},
    {"ControllerWhoseNameOnlyContainsIt", "3:name=devices:/c\n", std::string(kHybridMounts), {}},
    {"RootOfTheHierarchy", "0::/\n", std::string(kUnifiedMounts), {v2("/sys/fs/cgroup")}},
    {"ColonsInThePath",
     "0::/system.slice:docker:c\n",
     std::string(kUnifiedMounts),
     {v2("/sys/fs/cgroup/system.slice:docker:c")}},
    {"MountRootIsStripped",
     "0::/docker/abc/inner\n",
     "30 1 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
     {v2("/sys/fs/cgroup/inner")}},
    {"MountRootItself",
     "0::/docker/abc\n",
     "30 1 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
     {v2("/sys/fs/cgroup")}},
    {"MountRootIsOnlyAPrefixOfTheName",
     "0::/docker/abcdef\n",
     "30 1 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
     {}},
    {"SecondMountShowsIt",
     "0::/b/c\n",
     "30 1 0:26 /a /one rw - cgroup2 cgroup2 rw\n31 1 0:26 /b /two rw - cgroup2 cgroup2 rw\n",
     {v2("/two/c")}},
    {"OutsideOurCgroupNamespace", "0::/../other/c\n", std::string(kUnifiedMounts), {}},
    {"DotsInTheMiddle", "0::/a/../b\n", std::string(kUnifiedMounts), {}},
    {"DotsInAName", "0::/a..b/...\n", std::string(kUnifiedMounts), {v2("/sys/fs/cgroup/a..b/...")}},
    {"EscapedMountPoint",
     "0::/c\n",
     "30 1 0:26 / /a\\040b\\134c\\011 rw - cgroup2 cgroup2 rw\n",
     {v2("/a b\\c\t/c")}},
    {"EscapedRoot",
     "0::/a b/c\n",
     "30 1 0:26 /a\\040b /cg rw - cgroup2 cgroup2 rw\n",
     {v2("/cg/c")}},
    {"NotMounted", "0::/c\n5:devices:/c\n", "27 1 254:0 / / rw - ext4 /dev/vda rw\n", {}},
    {"NotListed", "8:pids:/\n", std::string(kHybridMounts), {}},
    {"FirstOfSeveralCgroup2Lines",
     "0::/c\n0::/evil\n",
     std::string(kUnifiedMounts),
     {v2("/sys/fs/cgroup/c")}},
    {"RelativePath", "0::c\n", std::string(kUnifiedMounts), {}},
    {"EmptyTexts", "", "", {}},
    {"LinesCutShort",
     "0:\n5:devices\n0::/c",
     "30\n30 1 0:26 /\n- cgroup2 x\n30 1 0:26 / /cg rw -",
     {}},
    {"HiddenByALaterMountAboveIt",
     "5:devices:/c\n0::/c\n",
     std::string(kHybridMounts) + "50 31 0:38 / /sys/fs/cgroup rw - cgroup2 none rw\n",
     {v2("/sys/fs/cgroup/c")}},
    {"HiddenByAMountOnIt",
     "0::/c\n",
     std::string(kUnifiedMounts) + "50 30 0:40 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n",
     {}},
    {"MountThatGoesRoundInCircles",
     "0::/c\n",
     "30 31 0:26 / /cg rw - cgroup2 cgroup2 rw\n31 30 0:27 / / rw - tmpfs tmpfs rw\n",
     {}},
    {"LxcMountsItsOwnOverTheOuterOnes",
     "5:devices:/c\n",
     "46 1 254:0 / / rw - ext4 /dev/vda rw\n"
     "47 46 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
     "52 47 0:33 /.. /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n"
     "241 47 0:92 / /sys/fs/cgroup rw - tmpfs none rw\n"
     "246 241 0:33 / /sys/fs/cgroup/devices rw - cgroup none rw,devices\n",
     {v1("/sys/fs/cgroup/devices/c")}},
};

INSTANTIATE_TEST_SUITE_P(Table, FindDeviceCgroups, ::testing::ValuesIn(kCases),
                         [](const auto& row) { return row.param.name; });

TEST(ListedDeviceCgroups, GivesThePathInTheHierarchy) {
  EXPECT_THAT(listed_device_cgroups("5:devices:/a\n0::/b\n"), ElementsAre(v1("/a"), v2("/b")));
}

TEST(ListedDeviceCgroups, IsEmptyForOtherControllers) {
  EXPECT_THAT(listed_device_cgroups("8:pids:/a\n1:name=systemd:/b\n"), IsEmpty());
}

TEST(ParentScope, IsTheDirectoryAboveOfACrunContainer) {
  EXPECT_EQ(parent_scope("/sys/fs/cgroup/machine.slice/libpod-1.scope/container"),
            "/sys/fs/cgroup/machine.slice/libpod-1.scope");
}

TEST(ParentScope, IsNothingFurtherDown) {
  EXPECT_EQ(parent_scope("/sys/fs/cgroup/docker-1.scope/docker/inner"), std::nullopt);
}

TEST(ParentScope, IsNothingForAScopeItself) {
  EXPECT_EQ(parent_scope("/sys/fs/cgroup/system.slice/docker-1.scope"), std::nullopt);
}

TEST(ParentScope, IsNothingForATextWithoutSlash) {
  EXPECT_EQ(parent_scope("a.scope"), std::nullopt);
}

struct ListCase {
  std::string name;
  std::string list;
  std::string missing;
};

class MissingDeviceAccess : public ::testing::TestWithParam<ListCase> {};

TEST_P(MissingDeviceAccess, OfDevice195_1) {
  EXPECT_EQ(missing_device_access(GetParam().list, {195, 1}), GetParam().missing);
}

const ListCase kListCases[] = {
    {"NothingAllowed", "", "rw"},
    {"EverythingAllowed", "a *:* rwm\n", ""},
    {"TheDevice", "c 1:3 rwm\nc 195:1 rw\n", ""},
    {"AllOfItsMajor", "c 195:* rw\n", ""},
    {"AllCharacterDevices", "c *:* rwm\n", ""},
    {"MknodOfAll", "c *:* m\nb *:* m\n", "rw"},
    {"OtherMinor", "c 195:11 rwm\nc 195:0 rwm\n", "rw"},
    {"OtherMajor", "c 19:1 rwm\n", "rw"},
    {"BlockDevice", "b 195:1 rwm\n", "rw"},
    {"ReadOnlyThere", "c 195:1 rm\n", "w"},
    {"WriteOnlyThere", "c 195:1 w\n", "r"},
    {"ReadOfAllAndWriteOfOneAreTwoRules", "c 195:* r\nc 195:1 w\n", "r"},
    {"ReadOfAllIsNotOurs", "c 195:* r\n", "rw"},
    {"BrokenLines", "c\nc 195 rw\nc 195:1\n195:1 rw\nc 195:1:1 rw\nc 195:x rw\n", "rw"},
};

INSTANTIATE_TEST_SUITE_P(Table, MissingDeviceAccess, ::testing::ValuesIn(kListCases),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace nvhook
