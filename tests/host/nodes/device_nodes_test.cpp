// SPDX-License-Identifier: Apache-2.0
// Makes real device nodes in a /dev of the test's own.
#include "host/nodes/device_nodes.hpp"

#include <gmock/gmock.h>
#include <sched.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdlib>

#include "support/device_host.hpp"
#include "support/hosts.hpp"

namespace nvhook {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kParams = "/proc/driver/nvidia/params";

class DeviceNodes : public test::DeviceHost {
 protected:
  void write_capability(const std::string& name, const std::string& text) const {
    host_.tree().write("/proc/driver/nvidia/capabilities/" + name, text);
  }
};

TEST_F(DeviceNodes, AllOfADgxAreMadeWithTheirLinks) {
  test::add_dgx_gpus(host_);
  on_host([&] {
    EXPECT_THAT(provide(), Not(HasSubstr("warning")));
    EXPECT_THAT(names_in("/dev"), ElementsAre("char", "nvidia-uvm", "nvidia-uvm-tools", "nvidia0",
                                              "nvidia1", "nvidia2", "nvidia3", "nvidia4", "nvidia5",
                                              "nvidia6", "nvidia7", "nvidiactl"));
    EXPECT_EQ(describe("/dev/nvidiactl"), "c 195:255 666 0:0");
    EXPECT_EQ(describe("/dev/nvidia6"), "c 195:6 666 0:0");
    EXPECT_EQ(describe("/dev/nvidia-uvm"), "c 511:0 666 0:0");
    EXPECT_EQ(describe("/dev/nvidia-uvm-tools"), "c 511:1 666 0:0");
    EXPECT_EQ(describe("/dev/char"), "directory 755 0:0");
    EXPECT_EQ(describe("/dev/char/195:6"), "-> ../nvidia6");
    EXPECT_EQ(describe("/dev/char/511:1"), "-> ../nvidia-uvm-tools");
  });
}

TEST_F(DeviceNodes, GpusHaveTheirOwnMinorsNotTheirNumberInARow) {
  host_.gpu("0000:07:00.0", 2, "GPU-a").gpu("0000:0f:00.0", 9, "GPU-b");
  host_.gpu("0000:47:00.0", 4, "GPU-c", "GPU Excluded: Yes\n");
  on_host([&] {
    EXPECT_THAT(provide(), Not(HasSubstr("warning")));
    EXPECT_THAT(names_in("/dev"), ElementsAre("char", "nvidia-uvm", "nvidia-uvm-tools", "nvidia2",
                                              "nvidia9", "nvidiactl"));
    EXPECT_EQ(describe("/dev/nvidia9"), "c 195:9 666 0:0");
  });
}

TEST_F(DeviceNodes, MajorsComeFromProcDevices) {
  host_.tree().write("/proc/devices", "Character devices:\n196 nvidia-frontend\n508 nvidia-uvm\n");
  host_.tree().directory("/sys/module/nvidia_modeset");
  on_host([&] {
    static_cast<void>(provide());
    EXPECT_EQ(describe("/dev/nvidiactl"), "c 196:255 666 0:0");
    EXPECT_EQ(describe("/dev/nvidia-modeset"), "c 196:254 666 0:0");
    EXPECT_EQ(describe("/dev/nvidia-uvm"), "c 508:0 666 0:0");
  });
}

TEST_F(DeviceNodes, OwnerAndModeAreThoseThatTheDriverWants) {
  host_.tree().write(kParams,
                     "ModifyDeviceFiles: 1\nDeviceFileUID: 1000\nDeviceFileGID: 44\n"
                     "DeviceFileMode: 432\n");
  host_.gpu("0000:07:00.0", 2, "GPU-a");
  on_host([&] {
    ::umask(0077);
    static_cast<void>(provide());
    EXPECT_EQ(describe("/dev/nvidia2"), "c 195:2 660 1000:44");
    EXPECT_EQ(describe("/dev/nvidiactl"), "c 195:255 660 1000:44");
    EXPECT_EQ(describe("/dev/nvidia-uvm"), "c 511:0 666 0:0") << "params do not speak of it";
    EXPECT_EQ(describe("/dev/char"), "directory 755 0:0");
  });
}

TEST_F(DeviceNodes, AreLeftAloneIfTheDriverWasToldSo) {
  host_.tree().write(kParams, "ModifyDeviceFiles: 0\nDeviceFileMode: 438\n");
  host_.gpu("0000:07:00.0", 2, "GPU-a");
  on_host([&] {
    EXPECT_THAT(provide(), AllOf(StartsWith("info: "), HasSubstr("ModifyDeviceFiles")));
    EXPECT_THAT(names_in("/dev"), IsEmpty());
  });
}

TEST_F(DeviceNodes, OneOfAnotherNumberAndAPlaceholderAreReplaced) {
  host_.gpu("0000:07:00.0", 2, "GPU-a").gpu("0000:0f:00.0", 3, "GPU-b");
  on_host([&] {
    put_node("/dev/nvidia2", 1, 3);
    host_.tree().write("/dev/nvidia3");
    EXPECT_THAT(provide(), AllOf(HasSubstr("info: replaced device node /dev/nvidia2"),
                                 HasSubstr("info: replaced device node /dev/nvidia3"),
                                 HasSubstr("info: made device node /dev/nvidiactl")));
    EXPECT_EQ(describe("/dev/nvidia2"), "c 195:2 666 0:0");
    EXPECT_EQ(describe("/dev/nvidia3"), "c 195:3 666 0:0");
    EXPECT_EQ(describe("/dev/char/195:3"), "-> ../nvidia3");
    EXPECT_THAT(names_in("/dev"), ElementsAre("char", "nvidia-uvm", "nvidia-uvm-tools", "nvidia2",
                                              "nvidia3", "nvidiactl"));
  });
}

TEST_F(DeviceNodes, WhatSomebodyPutInTheirPlaceIsAWarning) {
  host_.gpu("0000:07:00.0", 2, "GPU-a").gpu("0000:0f:00.0", 3, "GPU-b");
  on_host([&] {
    host_.tree().write("/dev/nvidia2", "precious");
    host_.tree().link("/dev/nvidia3", "null");
    EXPECT_THAT(provide(),
                AllOf(HasSubstr("warning: `/dev/nvidia2` is no device node. Try: see who"),
                      HasSubstr("warning: `/dev/nvidia3` is no device node")));
    EXPECT_EQ(host_.tree().read("/dev/nvidia2"), "precious");
    EXPECT_EQ(describe("/dev/nvidia3"), "-> null");
  });
}

TEST_F(DeviceNodes, ARightOneIsNotTouched) {
  host_.gpu("0000:07:00.0", 2, "GPU-a");
  on_host([&] {
    put_node("/dev/nvidia2", 195, 2);
    struct stat before {};
    ASSERT_EQ(::stat(path("/dev/nvidia2").c_str(), &before), 0);
    EXPECT_THAT(provide(), Not(HasSubstr("nvidia2")));
    struct stat after {};
    ASSERT_EQ(::stat(path("/dev/nvidia2").c_str(), &after), 0);
    EXPECT_EQ(after.st_ino, before.st_ino);
    EXPECT_EQ(after.st_mode, before.st_mode) << "the administrator's 0600";
    EXPECT_EQ(after.st_ctim.tv_nsec, before.st_ctim.tv_nsec);
    EXPECT_EQ(provide(), "") << "a second time there is nothing to do";
  });
}

TEST_F(DeviceNodes, ALinkThatIsThereStays) {
  host_.gpu("0000:07:00.0", 2, "GPU-a");
  on_host([&] {
    host_.tree().link("/dev/char/195:2", "/elsewhere");
    EXPECT_THAT(provide(), Not(HasSubstr("warning")));
    EXPECT_EQ(describe("/dev/char/195:2"), "-> /elsewhere");
  });
}

TEST_F(DeviceNodes, OneThatSomebodyElseMadeGetsItsLinkWhereItIsAskedFor) {
  host_.gpu("0000:07:00.0", 2, "GPU-a");
  on_host([&] {
    put_node("/dev/nvidia2", 195, 2);
    EXPECT_THAT(provide(), Not(HasSubstr("warning")));
    EXPECT_EQ(describe("/dev/char/195:2"), "nothing");
    EXPECT_THAT(provide({}, {.link_all = true}), Not(HasSubstr("warning")));
    EXPECT_EQ(describe("/dev/char/195:2"), "-> ../nvidia2");
  });
}

TEST_F(DeviceNodes, OfMigAreTheCapabilitiesThatExist) {
  host_.tree().write("/proc/devices", "Character devices:\n195 nvidia\n239 nvidia-caps\n");
  host_.tree().write("/proc/driver/nvidia-caps/mig-minors",
                     "config 1\nmonitor 2\ngpu2/gi1/access 30\ngpu2/gi1/ci0/access 31\n"
                     "gpu2/gi2/access 39\n");
  write_capability("mig/config", "DeviceFileMinor: 1\nDeviceFileMode: 256\nDeviceFileModify: 1\n");
  write_capability("mig/monitor", "DeviceFileMinor: 2\nDeviceFileMode: 292\nDeviceFileModify: 1\n");
  write_capability("gpu2/mig/gi1/access", "DeviceFileMinor: 30\nDeviceFileMode: 292\n");
  write_capability("gpu2/mig/gi1/ci0/access", "DeviceFileMinor: 31\nDeviceFileMode: 292\n");
  write_capability("gpu3/mig/gi1/access",
                   "DeviceFileMinor: 50\nDeviceFileMode: 292\nDeviceFileModify: 0\n");
  on_host([&] {
    EXPECT_THAT(provide(), Not(HasSubstr("warning")));
    EXPECT_EQ(describe("/dev/nvidia-caps"), "directory 755 0:0");
    EXPECT_THAT(names_in("/dev/nvidia-caps"),
                ElementsAre("nvidia-cap1", "nvidia-cap2", "nvidia-cap30", "nvidia-cap31"));
    EXPECT_EQ(describe("/dev/nvidia-caps/nvidia-cap1"), "c 239:1 400 0:0");
    EXPECT_EQ(describe("/dev/nvidia-caps/nvidia-cap31"), "c 239:31 444 0:0");
    EXPECT_EQ(describe("/dev/char/239:31"), "-> ../nvidia-caps/nvidia-cap31");
  });
}

TEST_F(DeviceNodes, OfImexAreTheChannelsThatAreAskedFor) {
  host_.tree().write("/proc/devices",
                     "Character devices:\n195 nvidia\n238 nvidia-caps-imex-channels\n");
  on_host([&] {
    EXPECT_THAT(provide({.imex_channels = {0, 1048575}}), Not(HasSubstr("warning")));
    EXPECT_EQ(describe("/dev/nvidia-caps-imex-channels"), "directory 755 0:0");
    EXPECT_THAT(names_in("/dev/nvidia-caps-imex-channels"),
                ElementsAre("channel0", "channel1048575"));
    EXPECT_EQ(describe("/dev/nvidia-caps-imex-channels/channel1048575"), "c 238:1048575 666 0:0");
  });
}

TEST_F(DeviceNodes, OfImexAreNotMadeIfTheConfigurationForbidsIt) {
  host_.tree().write("/proc/devices",
                     "Character devices:\n195 nvidia\n238 nvidia-caps-imex-channels\n");
  on_host([&] {
    EXPECT_THAT(provide({.imex_channels = {0}}, {.create_imex_channels = false}),
                HasSubstr("disable-imex-channel-creation"));
    EXPECT_EQ(describe("/dev/nvidia-caps-imex-channels"), "nothing");
  });
}

TEST_F(DeviceNodes, OfImexNeedADriverThatHasThem) {
  on_host([&] {
    EXPECT_THAT(provide({.imex_channels = {0}}),
                HasSubstr("warning: IMEX channels not made: nvidia-caps-imex-channels"));
  });
}

TEST_F(DeviceNodes, GoWhereTheDriverRootHasItsOwn) {
  host_.gpu("0000:07:00.0", 2, "GPU-a");
  on_host([&] {
    const test::TemporaryDirectory driver;
    driver.directory("/dev");
    const auto system = open_root(host_.tree().path());
    const auto root = open_root(driver.path());
    static_cast<void>(provide_devices({.system = *system, .driver = *root}, {}));
    EXPECT_EQ(describe("/dev/nvidia2"), "c 195:2 666 0:0");
    EXPECT_FALSE(std::filesystem::exists(driver.below("/dev/nvidia2")));
    std::filesystem::remove(path("/dev/nvidia2"));

    test::require(::mknod(driver.below("/dev/nvidiactl").c_str(), S_IFCHR, makedev(195, 255)) == 0,
                  "mknod");
    static_cast<void>(provide_devices({.system = *system, .driver = *root}, {}));
    EXPECT_EQ(describe("/dev/nvidia2"), "nothing");
    EXPECT_TRUE(std::filesystem::is_character_file(driver.below("/dev/nvidia2")));
  });
}

TEST_F(DeviceNodes, AreNotMadeWhereOthersCanWrite) {
  on_host([&] {
    ASSERT_EQ(::chmod(path("/dev").c_str(), 0777), 0);
    EXPECT_THAT(provide(), HasSubstr("others than root can write there. Try: give that directory"));
    EXPECT_THAT(names_in("/dev"), IsEmpty());
  });
}

TEST_F(DeviceNodes, ThatUdevMakesMeanwhileAreRight) {
  on_host([&] {
    // As if a node had appeared between the check and the rename.
    test::refuse_call(SYS_renameat2, EEXIST);
    EXPECT_EQ(provide(), "");
    EXPECT_THAT(names_in("/dev"), IsEmpty()) << "no temporary name is left";
  });
}

TEST_F(DeviceNodes, AreMadeBesideWhateverAnotherProcessLeft) {
  on_host([&] {
    const std::string left = ".nvidiactl." + std::to_string(::getpid());
    host_.tree().write("/dev/" + left, "another's");
    EXPECT_THAT(provide(), Not(HasSubstr("warning")));
    EXPECT_EQ(describe("/dev/nvidiactl"), "c 195:255 666 0:0");
    EXPECT_EQ(host_.tree().read("/dev/" + left), "another's");
  });
}

TEST_F(DeviceNodes, ThatCannotBeMadeAreWarningsWithWhatToDo) {
  on_host([&] {
    test::refuse_call(SYS_mknodat, EPERM);
    EXPECT_THAT(provide(),
                HasSubstr("warning: make device node `/dev/nvidiactl`: Operation not "
                          "permitted. Try: run `oci-nvidia-hook create-device-nodes` on the host"));
    EXPECT_THAT(names_in("/dev"), IsEmpty());
  });
}

TEST(DeviceNodesInAUserNamespace, AreNotEvenTried) {
  const auto try_there = [] {
    const test::FakeHost host;
    return test::run_in_private_namespaces(CLONE_NEWUSER, [&]() -> std::string {
      const auto root = open_root(host.tree().path());
      const Notes notes = provide_devices({.system = *root, .driver = *root}, {});
      const Note expected = warning(
          "no module loaded and no device node made: not possible in a user namespace. Try: run "
          "`oci-nvidia-hook create-device-nodes` on the host, as root");
      return notes == Notes{expected} ? "" : "other notes";
    });
  };
  test::in_private_namespaces(CLONE_NEWUSER, [] { return std::string(); });
  if (testing::Test::IsSkipped()) return;
  // A process asks for its namespace once: this style starts a new one, which has not asked.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(std::_Exit(static_cast<int>(try_there().verdict)),
              testing::ExitedWithCode(static_cast<int>(test::Verdict::good)), "");
}

}  // namespace
}  // namespace nvhook
