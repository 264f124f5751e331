// SPDX-License-Identifier: Apache-2.0
// Device lists of cgroup v1: what a process in the cgroup may open before and after.
#include "cgroup/device_cgroup_v1.hpp"

#include <fcntl.h>
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

DeviceList list_of(const TestCgroup& cgroup) {
  return {open_directory(cgroup), cgroup.directory()};
}

DeviceList grant(const TestCgroup& cgroup, const std::vector<DeviceNumber>& devices = {kRandom}) {
  DeviceList list = list_of(cgroup);
  EXPECT_THAT(list.prepare(devices), IsEmpty());
  list.grant();
  return list;
}

std::string rules_of(const TestCgroup& cgroup) {
  std::ifstream file(cgroup.directory() + "/devices.list");
  return (std::ostringstream() << file.rdbuf()).str();
}

/// As runtimes do: denies all, then allows `rules`.
void restrict_to(const TestCgroup& cgroup, const std::vector<std::string>& rules) {
  write_file(cgroup.directory() + "/devices.deny", "a");
  for (const std::string& rule : rules) write_file(cgroup.directory() + "/devices.allow", rule);
}

TEST(DeviceList, GrantsReadAndWriteOfTheDevicesAndNothingElse) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v1());
    restrict_to(cgroup, {"c 1:3 rwm"});
    ASSERT_EQ(open_in(cgroup, kRandom), EPERM);
    grant(cgroup);
    EXPECT_EQ(open_in(cgroup, kRandom), 0);
    EXPECT_EQ(open_in(cgroup, kUrandom), EPERM);
    EXPECT_EQ(make_in(cgroup, kRandom), EPERM);
    EXPECT_EQ(open_in(cgroup, kNull), 0);
    EXPECT_EQ(rules_of(cgroup), "c 1:3 rwm\nc 1:8 rw\n");
  });
}

TEST(DeviceList, GrantsNothingBeforeItIsToldTo) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v1());
    restrict_to(cgroup, {});
    EXPECT_THAT(list_of(cgroup).prepare({kRandom}), IsEmpty());
    EXPECT_EQ(open_in(cgroup, kRandom), EPERM);
  });
}

TEST(DeviceList, TakesBackWhatItGranted) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v1());
    restrict_to(cgroup, {"c 1:3 rwm"});
    DeviceList list = grant(cgroup, {kRandom, kUrandom});
    ASSERT_EQ(open_in(cgroup, kUrandom), 0);
    list.revoke();
    EXPECT_EQ(open_in(cgroup, kRandom), EPERM);
    EXPECT_EQ(rules_of(cgroup), "c 1:3 rwm\n");
  });
}

struct Before {
  std::string name;
  std::vector<std::string> rules;
  std::string list;
};

class DeviceListBefore : public ::testing::TestWithParam<Before> {};

TEST_P(DeviceListBefore, IsTheSameAfterGrantAndRevoke) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v1());
    restrict_to(cgroup, GetParam().rules);
    DeviceList list = grant(cgroup);
    EXPECT_EQ(open_in(cgroup, kRandom), 0);
    list.revoke();
    EXPECT_EQ(rules_of(cgroup), GetParam().list);
  });
}

const Before kBefore[] = {
    {"TheDevice", {"c 1:8 rw"}, "c 1:8 rw\n"},
    {"TheDeviceWithMknod", {"c 1:8 rwm"}, "c 1:8 rwm\n"},
    {"OnlyReading", {"c 1:8 r"}, "c 1:8 r\n"},
    {"OnlyMknod", {"c 1:8 m"}, "c 1:8 m\n"},
    {"AllOfItsMajor", {"c 1:* rw"}, "c 1:* rw\n"},
    {"MknodOfEverything", {"c *:* m"}, "c *:* m\n"},
};

INSTANTIATE_TEST_SUITE_P(Table, DeviceListBefore, ::testing::ValuesIn(kBefore),
                         [](const auto& row) { return row.param.name; });

TEST(DeviceList, ChangesNothingWhereEverythingIsAllowed) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v1());
    DeviceList list = grant(cgroup);
    EXPECT_EQ(rules_of(cgroup), "a *:* rwm\n");
    list.revoke();
    EXPECT_EQ(rules_of(cgroup), "a *:* rwm\n");
    EXPECT_EQ(open_in(cgroup, kRandom), 0);
  });
}

TEST(DeviceList, AddsNothingTheSecondTime) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v1());
    restrict_to(cgroup, {});
    grant(cgroup);
    DeviceList second = grant(cgroup);
    second.revoke();
    EXPECT_EQ(rules_of(cgroup), "c 1:8 rw\n");
  });
}

TEST(DeviceList, NamesTheRuleThatTheParentForbids) {
  in_private_namespaces([] {
    const TestCgroup parent(Scratch().v1());
    restrict_to(parent, {"c 1:8 rw"});
    const TestCgroup cgroup = TestCgroup::below(parent, "child");
    write_file(cgroup.directory() + "/devices.deny", "c 1:8 rw");
    DeviceList list = list_of(cgroup);
    EXPECT_THAT(list.prepare({kRandom, kUrandom}), IsEmpty());
    try {
      list.grant();
      ADD_FAILURE() << "granted";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::cgroup_denied);
      EXPECT_EQ(std::string(error.what()),
                "allow `c 1:9 rw` in `" + cgroup.directory() + "`: Operation not permitted");
      EXPECT_THAT(error.remedy(), HasSubstr("parent cgroup"));
    }
    list.revoke();
    EXPECT_EQ(rules_of(cgroup), "");
  });
}

TEST(DeviceList, IsSkippedWithANoteOnAReadOnlyMount) {
  in_private_namespaces([] {
    const Scratch scratch;
    const TestCgroup cgroup(scratch.v1());
    restrict_to(cgroup, {});
    require(::mount("none", scratch.v1().c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY,
                    nullptr) == 0,
            "remount read-only");
    DeviceList list = list_of(cgroup);
    const Notes notes = list.prepare({kRandom});
    list.grant();
    require(::mount("none", scratch.v1().c_str(), nullptr, MS_REMOUNT | MS_BIND, nullptr) == 0,
            "remount writable");
    EXPECT_THAT(notes,
                ElementsAre(warning("device rules skipped: no right over `" + cgroup.directory() +
                                    "/devices.allow`: Read-only file system")));
    EXPECT_EQ(rules_of(cgroup), "");
  });
}

TEST(DeviceList, FailsOnADirectoryWithoutList) {
  in_private_namespaces([] {
    const Scratch scratch;
    DeviceList list(UniqueFd(::open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), "/tmp");
    try {
      (void)list.prepare({kRandom});
      FAIL() << "taken for a devices cgroup";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::cgroup_denied);
      EXPECT_STREQ(error.what(), "read `/tmp/devices.list`: No such file or directory");
    }
  });
}

}  // namespace
}  // namespace nvhook
