// SPDX-License-Identifier: Apache-2.0
// Texts of /proc as real drivers print them.
#include "host/facts/proc_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/pci_address.hpp"
#include "text/process_text.hpp"

namespace nvhook {
namespace {

constexpr std::string_view kDevices =
    "Character devices:\n"
    "  1 mem\n"
    "195 nvidia\n"
    "195 nvidia-modeset\n"
    "239 nvidia-caps\n"
    "240 nvidia-caps-imex-channels\n"
    "511 nvidia-uvm\n"
    "\n"
    "Block devices:\n"
    "  7 loop\n"
    "254 nvidia-block\n";

TEST(DriverVersion, OfTheClosedModule) {
  const auto version = parse_driver_version(
      "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024\n"
      "GCC version:  gcc version 12.2.0\n");
  ASSERT_TRUE(version);
  EXPECT_EQ(version->str(), "550.54.15");
}

TEST(DriverVersion, OfTheOpenModule) {
  const auto version = parse_driver_version(
      "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.124.06  Release Build  "
      "(dvs-builder@U16-I3-A03-13-1)  Wed Feb 26 02:14:26 UTC 2025\n");
  ASSERT_TRUE(version);
  EXPECT_EQ(version->str(), "570.124.06");
}

TEST(DriverVersion, IsAbsentFromOtherTexts) {
  EXPECT_FALSE(parse_driver_version(""));
  EXPECT_FALSE(parse_driver_version("Linux version 6.1.0\n"));
  EXPECT_FALSE(parse_driver_version("NVRM version: none\nGCC version: 12.2.0\n"));
}

TEST(GpuInformation, HasMinorUuidAndModel) {
  const auto gpu = parse_gpu_information(
      "Model: \t\t NVIDIA H200\nIRQ:   \t\t 100\nGPU UUID: \t GPU-5c14\nDevice Minor: \t 3\n"
      "GPU Excluded:\t No\n",
      "0000:3b:00.0");
  EXPECT_EQ(gpu,
            (Gpu{.minor = 3, .uuid = "GPU-5c14", .pci = "0000:3b:00.0", .model = "NVIDIA H200"}));
}

TEST(GpuInformation, QuestionMarksAreNoUuid) {
  const auto gpu = parse_gpu_information(
      "GPU UUID: \t GPU-" + std::string(8, '?') + "\nDevice Minor: \t 0\n", "0000:3b:00.0");
  ASSERT_TRUE(gpu);
  EXPECT_EQ(gpu->uuid, "");
}

TEST(GpuInformation, ExcludedIsRemembered) {
  const auto gpu = parse_gpu_information("Device Minor: 0\nGPU Excluded: Yes\n", "0000:3b:00.0");
  ASSERT_TRUE(gpu);
  EXPECT_TRUE(gpu->excluded);
}

TEST(GpuInformation, WithoutAMinorThereIsNoGpu) {
  EXPECT_FALSE(parse_gpu_information("Model: NVIDIA H200\n", "0000:3b:00.0"));
  EXPECT_FALSE(parse_gpu_information("Device Minor: 1x\n", "0000:3b:00.0"));
}

TEST(CharacterMajor, IsFoundByWholeName) {
  EXPECT_EQ(find_character_major(kDevices, "nvidia-uvm"), 511U);
  EXPECT_EQ(find_character_major(kDevices, "nvidia-caps"), 239U);
  EXPECT_EQ(find_character_major(kDevices, "nvidia-cap"), std::nullopt);
  EXPECT_EQ(find_character_major(kDevices, "caps"), std::nullopt);
}

TEST(CharacterMajor, BlockDevicesDoNotCount) {
  EXPECT_EQ(find_character_major(kDevices, "nvidia-block"), std::nullopt);
  EXPECT_EQ(find_character_major(kDevices, "loop"), std::nullopt);
}

TEST(MigMinors, OfConfigMonitorAndInstances) {
  const auto capabilities = parse_mig_minors(
      "config 1\nmonitor 2\ngpu0/gi0/access 3\ngpu2/gi1/ci0/access 22\nnonsense\ngpuX/gi0 4\n"
      "gpu1/gi0/ciX/access 5\ngpu1/gi0/ci0 6\n");
  using Role = MigCapability::Role;
  EXPECT_THAT(capabilities,
              ::testing::ElementsAre(MigCapability{.role = Role::config, .minor = 1},
                                     MigCapability{.role = Role::monitor, .minor = 2},
                                     MigCapability{.role = Role::instance, .minor = 3},
                                     MigCapability{.role = Role::instance,
                                                   .gpu_minor = 2,
                                                   .gpu_instance = 1,
                                                   .compute_instance = 0,
                                                   .minor = 22}));
}

TEST(DeviceFileMinor, IsReadFromACapabilityFile) {
  EXPECT_EQ(parse_device_file_minor("DeviceFileMinor: 12\nDeviceFileMode: 256\n"), 12U);
  EXPECT_EQ(parse_device_file_minor("DeviceFileMode: 256\n"), std::nullopt);
}

TEST(DriverMajor, IsThatOfEitherNameOrTheAssignedOne) {
  EXPECT_EQ(find_driver_major("Character devices:\n196 nvidia\n"), 196U);
  EXPECT_EQ(find_driver_major("Character devices:\n197 nvidia-frontend\n"), 197U);
  EXPECT_EQ(find_driver_major("Character devices:\n511 nvidia-uvm\n"), 195U);
}

TEST(DeviceFileSettings, AreDecimalAndDefaultToWhatEverybodyMayOpen) {
  EXPECT_EQ(parse_device_file_settings(
                "ModifyDeviceFiles: 1\nDeviceFileUID: 3\nDeviceFileGID: 44\nDeviceFileMode: 432\n"),
            (DeviceFileSettings{.uid = 3, .gid = 44, .mode = 0660}));
  EXPECT_EQ(parse_device_file_settings(""),
            (DeviceFileSettings{.uid = 0, .gid = 0, .mode = 0666, .modify = true}));
}

TEST(DeviceFileSettings, ForbidChangesByEitherNameAndByNonsense) {
  for (const char* text : {"ModifyDeviceFiles: 0\n", "DeviceFileModify: 0\n", "DeviceFileUID: x\n",
                           "DeviceFileMode: 512\n", "DeviceFileGID: -1\n"}) {
    EXPECT_FALSE(parse_device_file_settings(text).modify) << text;
  }
}

TEST(Params, ForbidChangesOfDeviceFilesAndKeepTheRest) {
  EXPECT_EQ(forbid_device_file_changes("RmLogonRC: 1\nModifyDeviceFiles: 1\nDeviceFileUID: 0\n"),
            "RmLogonRC: 1\nModifyDeviceFiles: 0\nDeviceFileUID: 0\n");
  EXPECT_EQ(forbid_device_file_changes("ModifyDeviceFiles: 0\n"), "ModifyDeviceFiles: 0\n");
}

TEST(CudaVersion, ComesFromTheTableOfBranches) {
  EXPECT_EQ(cuda_version_of(*Version::parse("535.309.01")), Version::parse("12.2"));
  EXPECT_EQ(cuda_version_of(*Version::parse("570.124.06")), Version::parse("12.8"));
}

TEST(CudaVersion, OfAnUnlistedBranchIsNotGuessed) {
  EXPECT_FALSE(cuda_version_of(*Version::parse("430.64")));
  EXPECT_FALSE(cuda_version_of(*Version::parse("999.1")));
}

TEST(CudaVersion, IsKnownOfEveryReleasedBranch) {
  EXPECT_EQ(cuda_version_of(*Version::parse("595.91.07")), Version::parse("13.2"));
  EXPECT_EQ(cuda_version_of(*Version::parse("610.57.04")), Version::parse("13.3"));
  EXPECT_EQ(cuda_version_of(*Version::parse("615.71.09")), Version::parse("13.4"));
}

TEST(CudaVersion, OfAnUnlistedBranchIsAtLeastThatOfTheBranchBefore) {
  EXPECT_EQ(least_cuda_version_of(*Version::parse("999.1")), Version::parse("13.4"));
  EXPECT_EQ(least_cuda_version_of(*Version::parse("430.64")), Version::parse("10.1"));
  EXPECT_EQ(least_cuda_version_of(*Version::parse("580.95.05")), Version::parse("13.0"));
  EXPECT_EQ(least_cuda_version_of(*Version::parse("390.157")), std::nullopt);
  EXPECT_EQ(least_cuda_version_of(Version()), std::nullopt);
}

TEST(PciAddress, ReadsEverySpellingOfThreeParts) {
  const PciAddress address{.domain = 0, .bus = 0x3b, .device = 0};
  EXPECT_EQ(parse_pci_address("0000:3b:00.0"), address);
  EXPECT_EQ(parse_pci_address("00000000:3B:00.0"), address);
  EXPECT_EQ(parse_pci_address("0000:3b:00"), address);
}

TEST(PciAddress, RejectsEverythingElse) {
  for (const char* text : {"", "3b:00.0", "0000:3b:00.", "0000:3b:zz.0", "a:b:c:d", "0000::00.0"}) {
    EXPECT_FALSE(parse_pci_address(text)) << text;
  }
}

TEST(OuterId, IsFoundInTheRowThatHasTheId) {
  const std::string_view rootless =
      "         0       1000          1\n         1     100000      65536\n";
  EXPECT_EQ(outer_id(rootless, 0), 1000U);
  EXPECT_EQ(outer_id(rootless, 1), 100000U);
  EXPECT_EQ(outer_id(rootless, 65536), 165535U);
  EXPECT_EQ(outer_id(rootless, 65537), std::nullopt);
  EXPECT_EQ(outer_id("0 0 4294967295\n", 1000), 1000U);
}

TEST(OuterId, IgnoresRowsOfAnotherShape) {
  for (const char* map : {"", "0", "0 1000", "x 1000 1", "0 -1 1", "0 1000 0", "0 1000 1 1"}) {
    EXPECT_EQ(outer_id(map, 0), std::nullopt) << map;
  }
}

TEST(HomeDirectory, IsThatOfTheUserWithTheNumber) {
  const std::string_view passwd =
      "root:x:0:0:root:/root:/bin/sh\nshort:x:7\nnone:x:8:8:::\nann:x:1000:1000:Ann,,,:/home/ann:/"
      "bin/sh\n";
  EXPECT_EQ(home_of(passwd, 1000), "/home/ann");
  EXPECT_EQ(home_of(passwd, 0), "/root");
  for (const unsigned uid : {7U, 8U, 9U}) EXPECT_EQ(home_of(passwd, uid), std::nullopt) << uid;
}

}  // namespace
}  // namespace nvhook
