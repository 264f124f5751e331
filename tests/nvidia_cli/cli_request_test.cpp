// SPDX-License-Identifier: Apache-2.0
// Options of nvidia-container-cli as callers write them, and the resulting requests.
#include "nvidia_cli/cli_request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/error.hpp"

namespace nvhook {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

DeviceSelection devices(std::vector<std::string> options) {
  return request_of({.devices = std::move(options)}).devices;
}

TEST(CliRequest, WithoutOptionsIsForTheControlDeviceAlone) {
  const Request request = request_of({});
  EXPECT_EQ(request.devices, DeviceSelection(NoDevices{}));
  EXPECT_TRUE(request.capabilities.empty());
  EXPECT_TRUE(request.requirements.empty());
}

TEST(CliRequest, RepeatedDeviceOptionsAreOneListWithoutDuplicates) {
  EXPECT_EQ(devices({"0,GPU-a", "2", "0"}), DeviceSelection(DeviceNames({"0", "GPU-a", "2"})));
  EXPECT_EQ(devices({"", ",1,"}), DeviceSelection(DeviceNames({"1"})));
  EXPECT_EQ(devices({"nvidia.com/gpu=1", "1"}), DeviceSelection(DeviceNames({"1"})));
  EXPECT_EQ(devices({""}), DeviceSelection(NoDevices{}));
}

TEST(CliRequest, AllInAnyCaseAndPlaceIsEveryDevice) {
  EXPECT_EQ(devices({"all"}), DeviceSelection(AllDevices{}));
  EXPECT_EQ(devices({"1,ALL,nonsense"}), DeviceSelection(AllDevices{}));
  EXPECT_EQ(devices({"nvidia.com/gpu=all"}), DeviceSelection(AllDevices{}));
}

TEST(CliRequest, RequirementsKeepTheirOrder) {
  EXPECT_EQ(request_of({.requirements = {"cuda>=12.2", "", "driver>=535"}}).requirements,
            (std::vector<Requirement>{{"--require", "cuda>=12.2"}, {"--require", "driver>=535"}}));
}

TEST(CliRequest, MigAdministrationIsForAllAndNothingElse) {
  EXPECT_TRUE(request_of({.mig_config = {"ALL"}}).mig_config);
  EXPECT_FALSE(request_of({.mig_config = {""}}).mig_config);
  EXPECT_TRUE(request_of({.devices = {"0"}, .mig_monitor = {"all"}}).mig_monitor);
  EXPECT_THAT([] { static_cast<void>(request_of({.mig_monitor = {"0"}})); },
              ThrowsMessage<Error>(HasSubstr("0: only 'all' devices are currently supported")));
  EXPECT_THAT([] { static_cast<void>(request_of({.devices = {"0:1"}, .mig_config = {"all"}})); },
              ThrowsMessage<Error>(
                  HasSubstr("cannot enable mig-config with specific MIG devices selected")));
}

TEST(CliRequest, ImexChannelsAreSortedNumbers) {
  EXPECT_EQ(request_of({.imex_channels = {"7,0", "3", "7"}}).imex_channels,
            (std::vector<unsigned>{0, 3, 7}));
  EXPECT_THAT([] { static_cast<void>(request_of({.imex_channels = {"1048576"}})); },
              ThrowsMessage<Error>(HasSubstr("error parsing IMEX info")));
}

TEST(CliRequest, WhatIsLeftOutIsPassedOn) {
  const LeftOut left_out{.device_nodes = true, .firmware = true};
  EXPECT_EQ(request_of({.left_out = left_out}).left_out, left_out);
}

TEST(CudaCompatMode, IsLdconfigUnlessDisabled) {
  EXPECT_EQ(cuda_compat_of({}, false), CudaCompat::ldconfig);
  EXPECT_EQ(cuda_compat_of({"mount"}, false), CudaCompat::ldconfig);
  EXPECT_EQ(cuda_compat_of({"ldconfig"}, false), CudaCompat::ldconfig);
  EXPECT_EQ(cuda_compat_of({"disabled"}, false), CudaCompat::disabled);
  EXPECT_EQ(cuda_compat_of({}, true), CudaCompat::disabled);
  EXPECT_EQ(cuda_compat_of({"mount", "ldconfig", "disabled"}, false), CudaCompat::disabled);
}

TEST(CudaCompatMode, RefusesUnknownModesAndTwoAtOnce) {
  EXPECT_THAT([] { static_cast<void>(cuda_compat_of({"hook"}, false)); },
              ThrowsMessage<Error>(HasSubstr("invalid option: cuda-compat-mode=hook")));
  EXPECT_THAT(
      [] {
        static_cast<void>(cuda_compat_of({"mount", "ldconfig"}, false));
      },
      ThrowsMessage<Error>(HasSubstr("cuda-compat-mode=mount together")));
}

}  // namespace
}  // namespace nvhook
