// SPDX-License-Identifier: Apache-2.0
// Tests the findings about a container's driver compared with the host's.
#include "command/containers/staleness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/planner_host.hpp"

namespace nvhook {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using Level = Finding::Level;

auto is(Level level, const std::string& words) {
  return AllOf(Field(&Finding::level, level), Field(&Finding::text, HasSubstr(words)));
}

MountedFile file(const std::string& target, bool is_deleted = false) {
  MountedFile file =
      *as_driver_file({.target = target, .source = target, .is_deleted = is_deleted});
  return file;
}

/// A container with one file and the node of GPU 0, both as on the host.
ContainerDriver healthy() {
  return {.files = {file("/usr/lib64/libcuda.so.535.1")},
          .nodes = {{.path = "/dev/nvidia2", .number = {195, 2}}},
          .gpus = {"0000:07:00.0"},
          .cached = {"/usr/lib64/libcuda.so.1"}};
}

class Staleness : public testing::Test {
 protected:
  Inventory host_ = test::host();
  Today today_{.inventory = &host_};
  DeviceAccess access_ = {};
};

TEST_F(Staleness, TodaysDriverIsGood) {
  EXPECT_THAT(judge(healthy(), access_, today_), ElementsAre(is(Level::good, "up to date")));
}

TEST_F(Staleness, NothingIsGoodUnlessItWasAskedFor) {
  EXPECT_THAT(judge({}, access_, today_), ElementsAre(is(Level::good, "nothing of the driver")));
  const Plan plan = test::plan_for(test::request(AllDevices{}, {Capability::compute}));
  today_.plan = &plan;
  EXPECT_THAT(judge({}, access_, today_), ElementsAre(is(Level::bad, "has nothing of it")));
}

TEST_F(Staleness, FilesThatAreGoneAndFilesOfAnotherDriver) {
  ContainerDriver driver = healthy();
  driver.files = {file("/usr/lib64/libcuda.so.535.1", true),
                  file("/usr/lib64/libnvidia-ml.so.530.9"),
                  file("/lib/firmware/nvidia/530.9/gsp_ga10x.bin")};
  EXPECT_THAT(judge(driver, access_, today_),
              ElementsAre(is(Level::warning, "1 files were removed or replaced"),
                          is(Level::warning, "2 files are not of the driver 535.1")));
}

TEST_F(Staleness, NodesOfAnotherNumberAndOfGpusThatAreGone) {
  ContainerDriver driver = healthy();
  driver.nodes = {{.path = "/dev/nvidia-uvm", .number = {510, 0}},
                  {.path = "/dev/nvidia7", .number = {195, 7}},
                  {.path = "/dev/dri/card9", .number = {226, 9}}};
  driver.gpus = {"0000:99:00.0"};
  EXPECT_THAT(
      judge(driver, access_, today_),
      ElementsAre(is(Level::warning,
                     "/dev/nvidia-uvm is c 510:0; on the host that device is "
                     "c 511:0 now"),
                  is(Level::warning, "/dev/nvidia7 is c 195:7, and the host has no such device"),
                  is(Level::warning, "no GPU at 0000:99:00.0")));
}

TEST_F(Staleness, LinksAndCacheEntriesThatLeadNowhere) {
  ContainerDriver driver = healthy();
  driver.dangling_links = {"/usr/lib64/libcuda.so.1"};
  driver.missing_cached = {"/usr/lib64/libcuda.so.1"};
  EXPECT_THAT(judge(driver, access_, today_),
              ElementsAre(is(Level::warning, "links that lead nowhere"),
                          is(Level::warning, "loader cache names libraries")));
}

TEST_F(Staleness, ADeviceThatAListDenies) {
  access_.denied = {{195, 2}};
  EXPECT_THAT(judge(healthy(), access_, today_),
              ElementsAre(is(Level::bad, "does not let it use /dev/nvidia2")));
}

TEST_F(Staleness, ADeviceThatItWasNotGivenMayBeDenied) {
  Plan plan = test::plan_for(test::request(AllDevices{}, {Capability::compute}));
  today_.plan = &plan;
  access_.denied = {{195, 2}};
  EXPECT_THAT(judge(healthy(), access_, today_),
              ElementsAre(is(Level::bad, "does not let it use /dev/nvidia2")));
  std::erase_if(plan.device_rules, [](const DeviceRule& rule) {
    return rule.device == DeviceNumber{195, 2};
  });
  ASSERT_FALSE(plan.device_rules.empty());
  EXPECT_THAT(judge(healthy(), access_, today_), ElementsAre(is(Level::good, "up to date")));
}

TEST_F(Staleness, WhatTheHookGaveCanBeGrantedAgain) {
  const Plan plan = test::plan_for(test::request(AllDevices{}, {Capability::compute}));
  today_.plan = &plan;
  today_.container = "web";
  access_.denied = {{195, 2}};
  const auto remedy = [&] { return judge(healthy(), access_, today_).at(0).remedy; };
  EXPECT_EQ(remedy(), "sudo oci-nvidia regrant web");
  today_.container = "";
  EXPECT_EQ(remedy(), "restart the container") << "no engine knows it";
  today_.container = "web";
  today_.plan = nullptr;
  EXPECT_EQ(remedy(), "restart the container") << "others gave it";
}

TEST_F(Staleness, WhatIsMissingIsToldUnlessTheFilesAreOfAnotherDriver) {
  const Plan plan = test::plan_for(test::request(AllDevices{}, {Capability::compute}));
  today_.plan = &plan;
  ContainerDriver driver = healthy();
  driver.missing = {"/usr/lib64/libnvidia-ml.so.535.1", "/dev/nvidia0"};
  EXPECT_THAT(judge(driver, access_, today_),
              ElementsAre(is(Level::warning, "libnvidia-ml.so.535.1, /dev/nvidia0")));
  driver.files = {file("/usr/lib64/libcuda.so.530.9")};
  EXPECT_THAT(judge(driver, access_, today_),
              ElementsAre(is(Level::warning, "not of the driver"),
                          is(Level::warning, "does not have: /dev/nvidia0")));
}

TEST_F(Staleness, AHostWithoutADriverIsBad) {
  const Today none{.failure = Error(Code::driver_not_loaded, "driver not loaded", "reboot")};
  EXPECT_THAT(judge(healthy(), access_, none), ElementsAre(is(Level::bad, "NVH-0401")));
}

TEST_F(Staleness, AFilterFileThatIsNotOursTakesTheGpuAtTheNextReload) {
  access_.filter_file = "/sys/fs/bpf/crun/a_scope";
  EXPECT_THAT(judge(healthy(), access_, today_), ElementsAre(is(Level::good, "up to date")));
  today_.by_hook = true;
  EXPECT_THAT(judge(healthy(), access_, today_),
              ElementsAre(is(Level::warning,
                             "daemon-reload takes its GPUs: systemd then attaches "
                             "the device filter /sys/fs/bpf/crun/a_scope")));
  access_.filter_file = "/sys/fs/bpf/oci-nvidia-hook/a_scope";
  EXPECT_THAT(judge(healthy(), access_, today_), ElementsAre(is(Level::good, "up to date")));
}

}  // namespace
}  // namespace nvhook
