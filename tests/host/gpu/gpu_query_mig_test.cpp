// SPDX-License-Identifier: Apache-2.0
// Asking NVML about MIG devices: holes, failures, invalid answers, and drivers without MIG.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/gpu/gpu_query.hpp"
#include "support/probe_fixture.hpp"

namespace nvhook {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

/// The real probe. It calls chroot and must be started by root, of any user namespace.
class ProbeOfMigDevices : public ProbeFixture {
 protected:
  void SetUp() override {
    if (!become_root()) GTEST_SKIP() << "needs root or a user namespace, and both are refused";
  }
};

constexpr const char* kThreeMigDevices =
    "mig=0000:0f:00.0 0 7 0 MIG-12345678-0000\n"
    "mig=0000:0f:00.0 3 8 1 MIG-12345678-0003\n"
    "mig=0000:0f:00.0 6 9 0 MIG-GPU-12345678-1234-1234-1234-123456780001/9/0\n";

TEST_F(ProbeOfMigDevices, TellsOfMigDevicesBehindHolesInTheirIndices) {
  use_library(NVML_MOCK);
  configure_mock(kThreeMigDevices);
  const DriverDetails details = query_gpus(query_);
  ASSERT_THAT(details.gpus, SizeIs(8));
  EXPECT_THAT(details.gpus[0].mig, IsEmpty());
  EXPECT_THAT(
      details.gpus[1].mig,
      ElementsAre(
          MigDetails{.gpu_instance = 7, .uuid = "MIG-12345678-0000"},
          MigDetails{
              .index = 3, .gpu_instance = 8, .compute_instance = 1, .uuid = "MIG-12345678-0003"},
          MigDetails{.index = 6,
                     .gpu_instance = 9,
                     .uuid = "MIG-GPU-12345678-1234-1234-1234-123456780001/9/0"}));
  EXPECT_THAT(details.errors, IsEmpty());
}

TEST_F(ProbeOfMigDevices, TellsTheProfile) {
  use_library(NVML_MOCK);
  configure_mock("mig=0000:0f:00.0 0 7 0 MIG-12345678-0000 1g.24gb+gfx\n");
  const DriverDetails details = query_gpus(query_);
  ASSERT_THAT(details.gpus, SizeIs(8));
  EXPECT_THAT(details.gpus[1].mig, ElementsAre(Field(&MigDetails::profile, "1g.24gb+gfx")));
}

TEST_F(ProbeOfMigDevices, LeavesOutAMigDeviceThatFails) {
  use_library(NVML_MOCK);
  configure_mock(std::string(kThreeMigDevices) + "broken-mig=0000:0f:00.0 3\n");
  const DriverDetails details = query_gpus(query_);
  ASSERT_THAT(details.gpus, SizeIs(8));
  EXPECT_THAT(details.gpus[1].mig,
              ElementsAre(Field(&MigDetails::index, 0), Field(&MigDetails::index, 6)));
  EXPECT_THAT(details.errors,
              ElementsAre("GPU 1: MIG device 3: nvmlDeviceGetGpuInstanceId: GPU is lost"));
}

TEST_F(ProbeOfMigDevices, LeavesOutMigDevicesThatMakeNoSense) {
  use_library(NVML_MOCK);
  configure_mock(std::string(kThreeMigDevices) +
                 "mig=0000:0f:00.0 1 10 0 N/A\nmig=0000:0f:00.0 4 7 0 MIG-12345678-0004\n");
  const DriverDetails details = query_gpus(query_);
  ASSERT_THAT(details.gpus, SizeIs(8));
  EXPECT_THAT(details.gpus[1].mig, SizeIs(3));
  EXPECT_THAT(details.errors, ElementsAre(AllOf(StartsWith("GPU 1: MIG device 1: makes no sense"),
                                                HasSubstr("; MIG device 4: makes no sense"))));
}

TEST_F(ProbeOfMigDevices, TakesAGpuOrADriverWithoutMigForOneThatDoesNotUseIt) {
  use_library(NVML_MOCK);
  configure_mock(std::string(kThreeMigDevices) +
                 "mig=0000:07:00.0 0 7 0 MIG-12345678-0007\n"
                 "mig-mode=0000:07:00.0 3\nmig-mode=0000:0f:00.0 13\n");
  const DriverDetails details = query_gpus(query_);
  EXPECT_THAT(details.gpus, SizeIs(8));
  EXPECT_THAT(details.gpus, Each(Field(&GpuDetails::mig, IsEmpty())));
  EXPECT_THAT(details.errors, IsEmpty());
}

TEST_F(ProbeOfMigDevices, TakesALibraryWithoutTheQuestionForOneWithoutMig) {
  use_library(NVML_WITHOUT_MIG);
  configure_mock(kThreeMigDevices);
  const DriverDetails details = query_gpus(query_);
  EXPECT_THAT(details.gpus, Each(Field(&GpuDetails::mig, IsEmpty())));
  EXPECT_THAT(details.errors, IsEmpty());
}

TEST_F(ProbeOfMigDevices, KeepsAGpuWhoseMigModeCannotBeAsked) {
  use_library(NVML_MOCK);
  configure_mock(std::string(kThreeMigDevices) + "mig-mode=0000:0f:00.0 15\n");
  const DriverDetails details = query_gpus(query_);
  EXPECT_THAT(details.gpus, SizeIs(8));
  EXPECT_THAT(details.errors, ElementsAre("GPU 1: nvmlDeviceGetMigMode: GPU is lost"));
}

TEST_F(ProbeOfMigDevices, LooksAtNoMoreMigDevicesThanItsLimit) {
  use_library(NVML_MOCK);
  configure_mock(std::string(kThreeMigDevices) + "mig-count=0000:0f:00.0 4000000000\n" +
                 "mig=0000:0f:00.0 64 11 0 MIG-12345678-0064\n");
  const DriverDetails details = query_gpus(query_);
  ASSERT_THAT(details.gpus, SizeIs(8));
  EXPECT_THAT(details.gpus[1].mig, SizeIs(3));
  EXPECT_THAT(details.errors, ElementsAre("GPU 1: nvmlDeviceGetMaxMigDeviceCount: 4000000000"));
}

}  // namespace
}  // namespace nvhook
