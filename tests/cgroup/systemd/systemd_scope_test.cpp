// SPDX-License-Identifier: Apache-2.0
// The drop-in of a systemd scope, in a directory tree of the test that stands for the host.
#include "cgroup/systemd/systemd_scope.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "cgroup/systemd/scope_drop_in.hpp"
#include "support/systemd_peer.hpp"
#include "support/temporary_directory.hpp"

namespace nvhook {
namespace {

using namespace test;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kUnits = "/run/systemd/transient/";
const std::string kCgroup = "0::/system.slice/runc-a.scope\n";
const std::string kStrict = "[Scope]\nDevicePolicy=strict\n";

class SystemdScopeTest : public ::testing::Test {
 protected:
  SystemdScopeTest() {
    host_.directory("/dev");
    if (::mknod(host_.below("/dev/nvidia2").c_str(), S_IFCHR | 0666, makedev(195, 2)) != 0) {
      host_.write("/dev/nvidia2");  // only root may make a node
    }
    unit("runc-a", kStrict);
  }

  void unit(const std::string& name, const std::string& policy) const {
    host_.write(kUnits + name + ".scope", "[Scope]\nSlice=system.slice\n");
    host_.write(kUnits + name + ".scope.d/50-DevicePolicy.conf", policy);
  }

  [[nodiscard]] std::optional<SystemdScope> find(const std::string& cgroup = kCgroup) const {
    const auto root = open_root(host_.path().string());
    if (!root) throw std::runtime_error("open the temporary directory");
    return SystemdScope::find(cgroup, *root);
  }

  [[nodiscard]] std::string keep(const std::string& cgroup = kCgroup) const {
    auto scope = find(cgroup);
    if (!scope) throw std::runtime_error("no scope was found");
    std::string text;
    for (const Note& note : scope->keep(rules())) text += note.text + "\n";
    return text;
  }

  static std::vector<DeviceRule> rules() {
    return {{.device = {.major = 195, .minor = 2}, .node = HostPath("/dev/nvidia2")},
            {.device = {.major = 239, .minor = 5}}};
  }

  [[nodiscard]] std::vector<std::string> names_in(const std::string& directory) const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(host_.below(directory))) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  TemporaryDirectory host_;
};

TEST_F(SystemdScopeTest, ItKnowsWhatTheUnitsFilesAllow) {
  EXPECT_FALSE(find()->knows(rules()));
  host_.write(kUnits + "runc-a.scope.d/50-DeviceAllow.conf",
              "[Scope]\nDeviceAllow=\nDeviceAllow=/dev/char/195:2 rw\n");
  EXPECT_FALSE(find()->knows(rules())) << "one of two";
  auto scope = find();
  static_cast<void>(scope->keep(rules()));
  EXPECT_TRUE(scope->knows(rules())) << "by the drop-in";
}

TEST_F(SystemdScopeTest, TheDropInListsEveryRule) {
  EXPECT_THAT(keep(), HasSubstr("systemd was not told the devices of runc-a.scope"));
  EXPECT_THAT(host_.read(kUnits + "runc-a.scope.d/" + kDropIn),
              EndsWith("DeviceAllow=/dev/char/195:2 rw\nDeviceAllow=/dev/char/239:5 rw\n"));
}

TEST_F(SystemdScopeTest, TheDropInIsReadableForAllAndAloneInItsDirectory) {
  static_cast<void>(keep());
  struct stat status {};
  ASSERT_EQ(::stat(host_.below(kUnits + "runc-a.scope.d/" + kDropIn).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0644U);
  EXPECT_EQ(status.st_uid, ::geteuid());
  EXPECT_THAT(names_in(kUnits + "runc-a.scope.d"), ElementsAre("50-DevicePolicy.conf", kDropIn));
}

TEST_F(SystemdScopeTest, AnEarlierDropInIsReplaced) {
  host_.write(kUnits + "runc-a.scope.d/" + kDropIn, "[Scope]\nDeviceAllow=/dev/char/195:9 rw\n");
  static_cast<void>(keep());
  EXPECT_THAT(host_.read(kUnits + "runc-a.scope.d/" + kDropIn), ::testing::Not(HasSubstr("195:9")));
}

TEST_F(SystemdScopeTest, ALinkInThePlaceOfTheDropInIsReplacedAndNotFollowed) {
  host_.write("/etc/victim", "as it was");
  host_.link(kUnits + "runc-a.scope.d/" + kDropIn, host_.below("/etc/victim").string());
  static_cast<void>(keep());
  EXPECT_EQ(host_.read("/etc/victim"), "as it was");
  EXPECT_FALSE(std::filesystem::is_symlink(host_.below(kUnits + "runc-a.scope.d/" + kDropIn)));
}

TEST_F(SystemdScopeTest, ALinkInThePlaceOfItsDirectoryIsAWarning) {
  host_.directory("/etc/victim");
  std::filesystem::remove_all(host_.below(kUnits + "runc-a.scope.d"));
  host_.write(kUnits + "runc-a.scope", kStrict);
  host_.link(kUnits + "runc-a.scope.d", host_.below("/etc/victim").string());
  EXPECT_THAT(keep(), HasSubstr("a drop-in cannot be written: Not a directory"));
  EXPECT_THAT(names_in("/etc/victim"), IsEmpty());
}

TEST_F(SystemdScopeTest, ForgettingRemovesTheDropInAndNothingElse) {
  auto scope = find();
  ASSERT_TRUE(scope);
  static_cast<void>(scope->keep(rules()));
  scope->forget();
  EXPECT_THAT(names_in(kUnits + "runc-a.scope.d"), ElementsAre("50-DevicePolicy.conf"));
  scope->forget();
  EXPECT_THAT(names_in(kUnits), ElementsAre("runc-a.scope", "runc-a.scope.d"));
}

TEST_F(SystemdScopeTest, ADirectoryThatWasMadeForTheDropInGoesWithIt) {
  std::filesystem::remove_all(host_.below(kUnits + "runc-a.scope.d"));
  host_.write(kUnits + "runc-a.scope", kStrict);
  auto scope = find();
  ASSERT_TRUE(scope);
  static_cast<void>(scope->keep(rules()));
  EXPECT_THAT(names_in(kUnits), ElementsAre("runc-a.scope", "runc-a.scope.d"));
  scope->forget();
  EXPECT_THAT(names_in(kUnits), ElementsAre("runc-a.scope"));
}

// The drop-in of another run belongs to that run.
TEST_F(SystemdScopeTest, WhatWasNotMadeHereIsNotForgotten) {
  host_.write(kUnits + "runc-a.scope.d/" + kDropIn, "[Scope]\n");
  auto scope = find("0::/elsewhere/runc-a.scope\n");
  ASSERT_TRUE(scope);
  static_cast<void>(scope->keep(rules()));
  scope->forget();
  EXPECT_EQ(host_.read(kUnits + "runc-a.scope.d/" + kDropIn), "[Scope]\n");
}

TEST_F(SystemdScopeTest, OtherScopesAreNotLookedAt) {
  host_.write(kUnits + "gone.scope.d/" + kDropIn, "[Scope]\n");
  static_cast<void>(keep());
  EXPECT_THAT(names_in(kUnits), ElementsAre("gone.scope.d", "runc-a.scope", "runc-a.scope.d"));
}

// ---- whether a scope is the container's

/// Cgroups that are named like runc-a.scope, whose own cgroup is /system.slice/runc-a.scope.
const std::vector<std::string> kNamedLikeIt = {
    "0::/attacker/runc-a.scope\n",
    "0::/attacker/runc-a.scope/x\n",
    "0::/runc-a.scope\n",
    "0::/system.slice/_runc-a.scope\n",
    "0::/system.slice/x/runc-a.scope/container\n",
    "4:devices:/attacker/runc-a.scope\n0::/system.slice/runc-a.scope\n"};

TEST_F(SystemdScopeTest, NobodyIsToldByItsNameAlone) {
  for (const std::string& cgroup : kNamedLikeIt) {
    EXPECT_THAT(keep(cgroup), HasSubstr("but systemd's runc-a.scope is in "
                                        "`/system.slice/runc-a.scope` by the Slice= of its unit"))
        << cgroup;
    EXPECT_THAT(names_in(kUnits + "runc-a.scope.d"), ElementsAre("50-DevicePolicy.conf")) << cgroup;
  }
}

TEST_F(SystemdScopeTest, TheSliceOfTheUnitsFileIsFollowed) {
  host_.write(kUnits + "runc-a.scope", "[Scope]\nSlice=a-b.slice\n");
  EXPECT_THAT(keep("0::/a.slice/a-b.slice/runc-a.scope\n"), HasSubstr("it reads them at the next"));
  EXPECT_THAT(keep(), HasSubstr("is in `/a.slice/a-b.slice/runc-a.scope`"));
  host_.write(kUnits + "runc-a.scope", "[Scope]\nSlice=a--b.slice\n");
  EXPECT_THAT(keep(), HasSubstr("is nowhere"));
}

TEST_F(SystemdScopeTest, SystemdsOwnWordIsBelievedBeforeItsFiles) {
  const std::string elsewhere = "OK 1\r\n" + property_message("/x.slice/runc-a.scope");
  {
    const SystemdPeer peer(host_, {elsewhere, bus_message(2)});
    EXPECT_THAT(keep(), HasSubstr("systemd's runc-a.scope is in `/x.slice/runc-a.scope`\n"));
  }
  std::filesystem::remove(host_.below(kPrivateSocket));
  {
    const SystemdPeer peer(host_, {elsewhere, bus_message(2)});
    EXPECT_EQ(keep("0::/x.slice/runc-a.scope/container\n"),
              "systemd knows the devices of runc-a.scope (DeviceAllow)\n");
  }
  EXPECT_THAT(names_in(kUnits + "runc-a.scope.d"), ElementsAre("50-DevicePolicy.conf"));
}

TEST_F(SystemdScopeTest, AScopeThatSystemdHasForgottenIsNobodys) {
  const SystemdPeer peer(host_, {"OK 1\r\n" + property_message("")});
  EXPECT_THAT(keep(), HasSubstr("is nowhere\n"));
}

TEST_F(SystemdScopeTest, ASystemdThatSaysNoMoreGetsTheDropIn) {
  const SystemdPeer peer(host_, {"OK 1\r\n" + property_message("/system.slice/runc-a.scope")});
  EXPECT_THAT(keep(), HasSubstr("it reads them at the next systemctl daemon-reload"));
  EXPECT_THAT(names_in(kUnits + "runc-a.scope.d"), ElementsAre("50-DevicePolicy.conf", kDropIn));
}

// ---- which scopes are restricted

TEST_F(SystemdScopeTest, AScopeWithoutARestrictionIsLeftAlone) {
  unit("runc-a", "[Scope]\nDevicePolicy=auto\n");
  host_.write(kUnits + "runc-a.scope.d/50-DeviceAllow.conf", "[Scope]\nDeviceAllow=\n");
  EXPECT_FALSE(find());
}

// Our own drop-in must not count, or a second start in the scope would find it restricted.
TEST_F(SystemdScopeTest, OurOwnDropInIsNoRestriction) {
  unit("runc-a", "[Scope]\nDevicePolicy=auto\n");
  host_.write(kUnits + "runc-a.scope.d/" + kDropIn, "[Scope]\nDeviceAllow=/dev/char/195:2 rw\n");
  EXPECT_FALSE(find());
}

TEST_F(SystemdScopeTest, FilesThatSystemdDoesNotReadAreNoRestriction) {
  unit("runc-a", "[Scope]\n");
  host_.write(kUnits + "runc-a.scope.d/50-DevicePolicy.conf.bak", kStrict);
  EXPECT_FALSE(find());
}

TEST_F(SystemdScopeTest, TheUnitItselfMayRestrict) {
  unit("runc-a", "[Scope]\n");
  host_.write(kUnits + "runc-a.scope", "[Scope]\nDeviceAllow=/dev/null rw\n");
  EXPECT_TRUE(find());
}

TEST_F(SystemdScopeTest, AScopeThatSystemdDoesNotKnowIsNone) {
  EXPECT_FALSE(find("0::/system.slice/other.scope\n"));
  EXPECT_FALSE(find("0::/docker/4f\n"));
}

TEST_F(SystemdScopeTest, AHostWithoutSystemdHasNone) {
  std::filesystem::remove_all(host_.below("/run/systemd"));
  EXPECT_FALSE(find());
}

class SystemdScopeAsRoot : public SystemdScopeTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0)
      GTEST_SKIP() << "links go only into directories that are root's; run as root";
  }
};

TEST_F(SystemdScopeAsRoot, NodesGetLinksByNumber) {
  static_cast<void>(keep());
  EXPECT_THAT(names_in("/dev/char"), ElementsAre("195:2"));
  EXPECT_EQ(std::filesystem::read_symlink(host_.below("/dev/char/195:2")), "../nvidia2");
}

TEST_F(SystemdScopeAsRoot, ANodeThatTheHostDoesNotHaveGetsNoLink) {
  std::filesystem::remove(host_.below("/dev/nvidia2"));  // only a driver container's /dev has it
  static_cast<void>(keep());
  EXPECT_FALSE(std::filesystem::exists(host_.below("/dev/char")));
}

TEST_F(SystemdScopeAsRoot, LinksThatAreThereStay) {
  host_.link("/dev/char/195:2", "../elsewhere");
  static_cast<void>(keep());
  EXPECT_EQ(std::filesystem::read_symlink(host_.below("/dev/char/195:2")), "../elsewhere");
}

TEST_F(SystemdScopeAsRoot, LinksThatCannotBeMadeAreAWarning) {
  host_.directory("/dev/char");
  ASSERT_EQ(::chmod(host_.below("/dev/char").c_str(), 0777), 0);
  EXPECT_THAT(keep(), HasSubstr("systemd before 240"));
}

// A DeviceAllow would make systemd attach a second filter that denies everything else.
TEST_F(SystemdScopeTest, AScopeWithAFilterFileGetsNoDeviceAllow) {
  unit("runc-a", "[Scope]\nBPFProgram=device:/sys/fs/bpf/crun/runc-a_scope\n");
  const auto scope = find();
  ASSERT_TRUE(scope);
  EXPECT_TRUE(scope->has_filter_file());
  EXPECT_THAT(keep(),
              AllOf(HasSubstr("systemd takes the device filter of runc-a.scope from "
                              "`/sys/fs/bpf/crun/runc-a_scope`, which cannot be replaced: "),
                    HasSubstr("loses its GPUs at the next systemctl daemon-reload")));
  EXPECT_THAT(names_in(kUnits + "runc-a.scope.d"), ElementsAre("50-DevicePolicy.conf"));
}

TEST_F(SystemdScopeTest, AScopeWithoutAPolicyOrAFilterFileIsLeftAlone) {
  unit("runc-a", "[Scope]\nDevicePolicy=auto\nBPFProgram=egress:/sys/fs/bpf/e\n");
  EXPECT_FALSE(find());
}

}  // namespace
}  // namespace nvhook
