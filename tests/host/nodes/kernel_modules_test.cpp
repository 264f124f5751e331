// SPDX-License-Identifier: Apache-2.0
// Loads modules with a test's modprobe, on a host that is a directory.
#include "host/nodes/kernel_modules.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>

#include <chrono>

#include "support/device_host.hpp"

namespace nvhook {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kHelper = "/sbin/modprobe";
const std::string kSetting = "/proc/sys/kernel/modprobe";
const Request kNothing{};
const Request kCompute{.capabilities = {Capability::compute}};
const Request kDisplay{.capabilities = {Capability::display}};

/// A host without nvidia-uvm and nvidia-modeset, with a modprobe that can load them.
class KernelModules : public test::DeviceHost {
 protected:
  void SetUp() override {
    DeviceHost::SetUp();
    host_.tree().write("/proc/devices", "Character devices:\n195 nvidia\n");
    host_.tree().write("/loads/nvidia-uvm", "Character devices:\n195 nvidia\n511 nvidia-uvm\n");
    host_.tree().directory("/loads/nvidia-modeset");
    host_.tree().directory("/sys/module");
    host_.tree().directory("/sbin");
    std::filesystem::copy_file(FAKE_MODPROBE, path(kHelper));
    change_mode(0755);
  }

  void change_mode(unsigned mode) const {
    std::filesystem::permissions(path(kHelper), std::filesystem::perms{mode});
  }

  /// The driver itself is not loaded, but can be.
  void unload_driver() const {
    std::filesystem::rename(path("/proc/driver/nvidia"), path("/loads/nvidia"));
  }

  void add_pci_device(const std::string& vendor, const std::string& pci_class) const {
    host_.tree().write("/sys/bus/pci/devices/0000:07:00.0/vendor", vendor + "\n");
    host_.tree().write("/sys/bus/pci/devices/0000:07:00.0/class", pci_class + "\n");
  }

  /// The arguments and then the environment of modprobe, one on each line.
  [[nodiscard]] std::string seen() const { return host_.tree().read("/modprobe.log"); }

  void expect_refusal(const std::string& why) const {
    on_host([&] {
      EXPECT_THAT(provide(kCompute),
                  AllOf(StartsWith("warning: kernel module nvidia-uvm not loaded: "),
                        HasSubstr(why), HasSubstr(". Try: run `modprobe nvidia-uvm` on the host")));
      EXPECT_EQ(seen(), "");
      EXPECT_EQ(describe("/dev/nvidia-uvm"), "nothing");
      EXPECT_EQ(describe("/dev/nvidiactl"), "c 195:255 666 0:0") << "the rest is made";
    });
  }
};

TEST_F(KernelModules, UvmIsLoadedForComputeByTheHelperAloneWithAFixedEnvironment) {
  ::setenv("MODPROBE_OPTIONS", "--install-anything", 1);
  ::setenv("PATH", "/evil", 1);
  on_host([&] {
    EXPECT_THAT(provide(kCompute), HasSubstr("info: kernel module nvidia-uvm loaded\n"));
    EXPECT_EQ(seen(), "/sbin/modprobe\nnvidia-uvm\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n");
    EXPECT_EQ(describe("/dev/nvidia-uvm"), "c 511:0 666 0:0");
    EXPECT_EQ(describe("/dev/nvidia-modeset"), "nothing");
  });
}

TEST_F(KernelModules, ModesetIsLoadedForDisplay) {
  on_host([&] {
    EXPECT_THAT(provide(kDisplay), HasSubstr("info: kernel module nvidia-modeset loaded\n"));
    EXPECT_THAT(seen(), StartsWith("/sbin/modprobe\nnvidia-modeset\nPATH="));
    EXPECT_EQ(describe("/dev/nvidia-modeset"), "c 195:254 666 0:0");
    EXPECT_EQ(describe("/dev/nvidia-uvm"), "nothing");
  });
}

TEST_F(KernelModules, NothingIsLoadedThatIsNotNeededOrIsThere) {
  on_host([&] {
    static_cast<void>(provide(kNothing));
    static_cast<void>(provide({.capabilities = {Capability::utility}}));
    host_.tree().write("/proc/devices", "Character devices:\n195 nvidia\n511 nvidia-uvm\n");
    static_cast<void>(provide(kCompute));
    EXPECT_EQ(seen(), "");
  });
}

TEST_F(KernelModules, TheDriverIsLoadedIfThereIsAGpu) {
  host_.gpu("0000:07:00.0", 5, "GPU-a");
  unload_driver();
  add_pci_device("0x10de", "0x030200");
  on_host([&] {
    EXPECT_THAT(provide(), HasSubstr("info: kernel module nvidia loaded\n"));
    EXPECT_THAT(seen(), StartsWith("/sbin/modprobe\nnvidia\nPATH="));
    EXPECT_EQ(describe("/dev/nvidia5"), "c 195:5 666 0:0");
  });
}

TEST_F(KernelModules, TheDriverIsNotLoadedWithoutAGpu) {
  unload_driver();
  for (const auto& [vendor, pci_class] :
       {std::pair{"0x8086", "0x030000"}, {"0x10de", "0x068000"}}) {
    add_pci_device(vendor, pci_class);
    on_host([&] {
      EXPECT_EQ(provide(kCompute),
                "info: kernel module nvidia not loaded: no NVIDIA GPU is on the PCI bus\n");
      EXPECT_EQ(seen(), "");
      EXPECT_THAT(names_in("/dev"), ::testing::IsEmpty());
    });
  }
}

TEST_F(KernelModules, AreNotLoadedWhereOnlyNodesAreWanted) {
  host_.gpu("0000:07:00.0", 5, "GPU-a");
  on_host([&] {
    EXPECT_THAT(provide(kCompute, {.load_modules = false}), Not(HasSubstr("kernel module")));
    EXPECT_EQ(seen(), "");
    EXPECT_EQ(describe("/dev/nvidia5"), "c 195:5 666 0:0");
  });
}

TEST_F(KernelModules, AreNotLoadedForADriverRoot) {
  on_host([&] {
    const test::TemporaryDirectory driver;
    const auto system = open_root(host_.tree().path());
    const auto root = open_root(driver.path());
    const Notes notes = provide_devices({.system = *system, .driver = *root}, kCompute);
    ASSERT_FALSE(notes.empty());
    EXPECT_THAT(notes.front().text, AllOf(HasSubstr("nvidia-uvm not loaded: the driver root"),
                                          HasSubstr("driver container")));
    EXPECT_EQ(seen(), "");
  });
}

TEST_F(KernelModules, TheHelperIsTheOneThatTheKernelNames) {
  host_.tree().write(kSetting, "/opt/bin/load\n");
  host_.tree().link("/opt/bin/load", "../../sbin/modprobe");
  on_host([&] {
    static_cast<void>(provide(kCompute));
    EXPECT_THAT(seen(), StartsWith("/opt/bin/load\nnvidia-uvm\n"));
  });
}

TEST_F(KernelModules, AnEmptyHelperMeansThatLoadingIsOff) {
  host_.tree().write(kSetting, "\n");
  expect_refusal("/proc/sys/kernel/modprobe is empty: loading modules is off");
}

TEST_F(KernelModules, AHelperIsNotLookedForInPath) {
  host_.tree().write(kSetting, "modprobe\n");
  expect_refusal("`modprobe` in /proc/sys/kernel/modprobe is not an absolute path");
}

TEST_F(KernelModules, AHelperThatIsMissingIsNamed) {
  host_.tree().write(kSetting, "/sbin/nothing\n");
  expect_refusal("open `/sbin/nothing` failed: No such file or directory");
}

TEST_F(KernelModules, AHelperThatOthersCanWriteIsRefused) {
  change_mode(0757);
  expect_refusal("`/sbin/modprobe` is writable by group or others");
  change_mode(0775);
  expect_refusal("`/sbin/modprobe` is writable by group or others");
}

TEST_F(KernelModules, AHelperOfAnotherOwnerIsRefused) {
  ASSERT_EQ(::chown(path(kHelper).c_str(), 1000, 0), 0);
  expect_refusal("`/sbin/modprobe` belongs to user 1000, not to root");
}

TEST_F(KernelModules, AHelperThatIsNoProgramIsRefused) {
  change_mode(0644);
  expect_refusal("`/sbin/modprobe` is not executable");
  host_.tree().write(kSetting, "/sbin\n");
  expect_refusal("`/sbin` is no regular file");
}

TEST_F(KernelModules, AHelperThatHangsIsKilled) {
  host_.tree().write("/modprobe.hangs");
  on_host([&] {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_THAT(
        provide(kCompute, {.module_deadline = std::chrono::milliseconds(200)}),
        HasSubstr("`/sbin/modprobe` did not end within 200 ms. Try: run `modprobe nvidia-uvm`"));
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
    EXPECT_LT(::waitpid(-1, nullptr, WNOHANG), 0) << "a process is left";
    EXPECT_THAT(seen(), StartsWith("/sbin/modprobe\nnvidia-uvm\n"));
  });
}

TEST_F(KernelModules, WhatTheHelperSaysIsInTheNote) {
  host_.tree().write("/modprobe.fails");
  on_host([&] {
    EXPECT_THAT(provide(kCompute), HasSubstr("`/sbin/modprobe` failed with status 1: modprobe: "
                                             "FATAL: Module nvidia-uvm not found. Try: run"));
  });
}

TEST_F(KernelModules, AHelperThatDoesNothingIsNotBelieved) {
  std::filesystem::remove(path("/loads/nvidia-uvm"));
  on_host([&] {
    EXPECT_THAT(provide(kCompute), AllOf(HasSubstr("warning: kernel module nvidia-uvm not loaded: "
                                                   "modprobe ended well, but it is not there"),
                                         Not(HasSubstr("info: kernel module"))));
  });
}

}  // namespace
}  // namespace nvhook
