// SPDX-License-Identifier: Apache-2.0
// The device permission of a process, found through its /proc/<pid>/cgroup and our mountinfo.
#include "cgroup/device_cgroup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/device_number.hpp"
#include "support/restricted_cgroup.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

using namespace test;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string v2_line(const std::string& path) { return "0::" + path + "\n"; }
std::string v1_line(const std::string& path) { return "5:devices:" + path + "\n"; }

DevicePermission permission_of(const std::string& cgroup,
                               std::vector<DeviceNumber> devices = {kRandom}) {
  return {cgroup, own_mountinfo(), std::move(devices)};
}

void expect_error(Code code, const std::string& message, const std::string& remedy,
                  const std::string& cgroup, const std::string& mountinfo) {
  try {
    const DevicePermission permission(cgroup, mountinfo, {kRandom});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code);
    EXPECT_THAT(error.what(), HasSubstr(message));
    EXPECT_THAT(error.remedy(), HasSubstr(remedy));
  }
}

/// A mountinfo with one cgroup2 mount.
std::string mounted_at(const std::string& point) {
  return "30 1 0:26 / " + point + " rw - cgroup2 none rw\n";
}

TEST(DevicePermission, GrantsAndRevokesInACgroupOfV2) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    attach_filter(cgroup, runtime_filter(kNull));
    DevicePermission permission = permission_of(v2_line(cgroup.path()));
    ASSERT_EQ(open_in(cgroup, kRandom), EPERM);
    permission.grant();
    EXPECT_EQ(open_in(cgroup, kRandom), 0);
    permission.revoke();
    EXPECT_EQ(open_in(cgroup, kRandom), EPERM);
    EXPECT_THAT(permission.notes(), IsEmpty());
  });
}

TEST(DevicePermission, GrantsAndRevokesInACgroupOfV1) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v1());
    write_file(cgroup.directory() + "/devices.deny", "a");
    DevicePermission permission = permission_of(v1_line(cgroup.path()));
    permission.grant();
    EXPECT_EQ(open_in(cgroup, kRandom), 0);
    permission.revoke();
    EXPECT_EQ(open_in(cgroup, kRandom), EPERM);
  });
}

TEST(DevicePermission, NamesWhatAFilterHasNoRuleFor) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    attach_filter(cgroup, runtime_filter(kNull));
    permission_of(v2_line(cgroup.path())).grant();
    EXPECT_THAT(permission_of(v2_line(cgroup.path()), {kRandom, kUrandom}).missing(),
                ElementsAre(kUrandom));
    attach_filter(cgroup, runtime_filter(kNull));  // beside ours, as systemd does at a reload
    EXPECT_THAT(permission_of(v2_line(cgroup.path())).missing(), ElementsAre(kRandom));
  });
}

TEST(DevicePermission, NamesWhatAListDenies) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v1());
    write_file(cgroup.directory() + "/devices.deny", "a");
    permission_of(v1_line(cgroup.path())).grant();
    EXPECT_THAT(permission_of(v1_line(cgroup.path()), {kUrandom, kRandom}).missing(),
                ElementsAre(kUrandom));
  });
}

int open_in_both(const TestCgroup& v1, const TestCgroup& v2) {
  make_node(kRandom);
  return TestCgroup::run_in({&v1, &v2}, [] { return open_device(kRandom); });
}

TEST(DevicePermission, GrantsInBothHierarchiesOfAHybridHost) {
  in_private_namespaces([] {
    const Scratch scratch;
    const TestCgroup v1(scratch.v1());
    const TestCgroup v2(scratch.v2());
    write_file(v1.directory() + "/devices.deny", "a");
    attach_filter(v2, runtime_filter(kNull));
    DevicePermission permission = permission_of(v1_line(v1.path()) + v2_line(v2.path()));
    ASSERT_EQ(open_in_both(v1, v2), EPERM);
    permission.grant();
    EXPECT_EQ(open_in_both(v1, v2), 0);
    permission.revoke();
    EXPECT_EQ(open_in_both(v1, v2), EPERM);
  });
}

TEST(DevicePermission, TakesBackTheFirstGrantWhenTheSecondFails) {
  in_private_namespaces([] {
    const Scratch scratch;
    const TestCgroup v1(scratch.v1());
    const TestCgroup v2(scratch.v2());
    write_file(v1.directory() + "/devices.deny", "a");
    const auto program = attach_filter(v2, runtime_filter(kNull));
    DevicePermission permission = permission_of(v1_line(v1.path()) + v2_line(v2.path()));
    // Attached with other flags than when it was prepared.
    detach_filter(v2, program);
    attach_filter(v2, runtime_filter(kNull), 0);
    EXPECT_THROW(permission.grant(), Error);
    EXPECT_EQ(open_in(v1, kRandom), EPERM);
  });
}

TEST(DevicePermission, TellsOfAHierarchyThatIsNotInSight) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    const std::string lines = v1_line("/docker/c") + v2_line(cgroup.path());
    const DevicePermission permission(lines, mounted_at("/tmp/v2"), {kRandom});
    EXPECT_THAT(permission.notes(),
                ElementsAre(warning("the container's device cgroup `/docker/c` of the v1 devices "
                                    "hierarchy is mounted nowhere in sight, and it may deny the "
                                    "devices")));
  });
}

TEST(DevicePermission, SaysNothingOfTheRootOfAHierarchyThatIsNotInSight) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    const std::string lines = v1_line("/") + v2_line(cgroup.path());
    const DevicePermission permission(lines, mounted_at("/tmp/v2"), {kRandom});
    EXPECT_THAT(permission.notes(), IsEmpty());
  });
}

TEST(DevicePermission, IncludesTheScopeAboveACrunContainer) {
  in_private_namespaces([] {
    const TestCgroup slice(Scratch().v2());
    const TestCgroup scope = TestCgroup::below(slice, "libpod-1.scope");
    const TestCgroup cgroup = TestCgroup::below(scope, "container");
    attach_filter(scope, runtime_filter(kNull));
    DevicePermission permission = permission_of(v2_line(cgroup.path()));
    EXPECT_FALSE(permission.shares_scope());
    ASSERT_EQ(open_in(cgroup, kRandom), EPERM);
    permission.grant();
    EXPECT_EQ(open_in(cgroup, kRandom), 0);
    EXPECT_EQ(open_in(cgroup, kUrandom), EPERM);
    EXPECT_THAT(permission.notes(), IsEmpty());
    permission.revoke();
    EXPECT_EQ(open_in(cgroup, kRandom), EPERM);
  });
}

TEST(DevicePermission, LeavesAScopeAloneThatHoldsMoreThanTheContainer) {
  in_private_namespaces([] {
    const TestCgroup slice(Scratch().v2());
    const TestCgroup scope = TestCgroup::below(slice, "login-1.scope");
    const TestCgroup cgroup = TestCgroup::below(scope, "container");
    const TestCgroup neighbour = TestCgroup::below(scope, "neighbour");
    const auto program = attach_filter(scope, runtime_filter(kNull));
    DevicePermission permission = permission_of(v2_line(cgroup.path()));
    EXPECT_TRUE(permission.shares_scope());  // so systemd gets no rules either
    permission.grant();
    EXPECT_THAT(filters_of(scope), ElementsAre(program));
    EXPECT_THAT(permission.notes(), ElementsAre(info("the device filters of parent cgroups of `" +
                                                     cgroup.directory() + "` stay as they are")));
  });
}

TEST(DevicePermission, LeavesAScopeAloneThatHasProcessesOfItsOwn) {
  in_private_namespaces([] {
    const TestCgroup slice(Scratch().v2());
    const TestCgroup scope = TestCgroup::below(slice, "login-1.scope");
    const TestCgroup cgroup = TestCgroup::below(scope, "container");
    const auto program = attach_filter(scope, runtime_filter(kNull));
    EXPECT_EQ(scope.run([&] {
      DevicePermission permission = permission_of(v2_line(cgroup.path()));
      permission.grant();
      return permission.shares_scope() ? 0 : 1;
    }),
              0);
    EXPECT_THAT(filters_of(scope), ElementsAre(program));
  });
}

TEST(DevicePermission, DoesNothingInAUserNamespace) {
  in_private_namespaces(CLONE_NEWUSER, [] {
    const DevicePermission permission = permission_of(v2_line("/no/such/cgroup"));
    EXPECT_THAT(permission.notes(), ElementsAre(info("device rules skipped: in a user namespace")));
    return std::string();
  });
}

TEST(DevicePermission, DoesNothingForNoDevices) {
  DevicePermission permission("", "", {});
  permission.grant();
  permission.revoke();
  EXPECT_THAT(permission.notes(), IsEmpty());
}

TEST(DevicePermission, FailsIfTheProcessIsInNoDeviceCgroup) {
  expect_error(Code::cgroup_not_found, "the container's process is in no device cgroup, v1 or v2",
               "no-cgroups = true", "8:pids:/c\n", own_mountinfo());
}

TEST(DevicePermission, FailsIfNoHierarchyIsMounted) {
  expect_error(Code::cgroup_not_found,
               "`/docker/c` of the v2 hierarchy is mounted nowhere in sight",
               "mount /sys/fs/cgroup where the hook runs, or set no-cgroups = true",
               v2_line("/docker/c"), "27 1 254:0 / / rw - ext4 /dev/vda rw\n");
}

TEST(DevicePermission, FailsIfTheCgroupIsGone) {
  in_private_namespaces([] {
    const Scratch scratch;
    expect_error(Code::cgroup_not_found,
                 "open the container's device cgroup `" + scratch.v2() +
                     "/no-such-cgroup`: No such file or directory",
                 "start the container again", v2_line("/no-such-cgroup"), own_mountinfo());
  });
}

TEST(DevicePermission, FollowsNoLinkToACgroup) {
  in_private_namespaces([] {
    const Scratch scratch;
    const TestCgroup cgroup(scratch.v2());
    require(::symlink(scratch.v2().c_str(), "/tmp/link") == 0, "symlink");
    expect_error(Code::cgroup_not_found, "Too many levels of symbolic links", "",
                 v2_line(cgroup.path()), mounted_at("/tmp/link"));
  });
}

TEST(DevicePermission, RefusesADirectoryOfAnotherFileSystem) {
  in_private_namespaces([] {
    const Scratch scratch;
    require(::mkdir("/tmp/fake", 0755) == 0, "mkdir");
    expect_error(Code::cgroup_not_found,
                 "`/tmp/fake` is not on a cgroup file system of the v2 hierarchy", "unmount",
                 v2_line("/"), mounted_at("/tmp/fake"));
    expect_error(Code::cgroup_not_found, "of the v1 devices hierarchy", "unmount", v1_line("/"),
                 "30 1 0:26 / " + scratch.v2() + " rw - cgroup none rw,devices\n");
  });
}

TEST(DevicePermission, GrantsWithoutOpenat2) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    attach_filter(cgroup, runtime_filter(kNull));
    refuse_call(SYS_openat2, ENOSYS);
    permission_of(v2_line(cgroup.path())).grant();
    EXPECT_EQ(open_in(cgroup, kRandom), 0);
  });
}

TEST(DevicePermission, FollowsNoLinkToACgroupWithoutOpenat2) {
  in_private_namespaces([] {
    const Scratch scratch;
    const TestCgroup cgroup(scratch.v2());
    require(::symlink(scratch.v2().c_str(), "/tmp/link") == 0, "symlink");
    refuse_call(SYS_openat2, ENOSYS);
    expect_error(Code::cgroup_not_found, "Too many levels of symbolic links", "",
                 v2_line(cgroup.path()), mounted_at("/tmp/link"));
  });
}

}  // namespace
}  // namespace nvhook
