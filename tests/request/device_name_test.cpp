// SPDX-License-Identifier: Apache-2.0
// Tests names of GPUs and MIG devices, and texts that only look like one.
#include "request/device_name.hpp"

#include <gtest/gtest.h>

namespace nvhook {
namespace {

struct Spelling {
  const char* name = nullptr;
  const char* text = nullptr;
  DeviceNameKind kind = DeviceNameKind::other;
};

class Spellings : public ::testing::TestWithParam<Spelling> {};

TEST_P(Spellings, AreToldApart) {
  EXPECT_EQ(parse_device_name(GetParam().text).kind, GetParam().kind) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    DeviceName, Spellings,
    ::testing::Values(Spelling{"Index", "12", DeviceNameKind::index},
                      Spelling{"GpuUuid", "GPU-1234", DeviceNameKind::gpu_uuid},
                      Spelling{"GpuUuidInLowerCase", "gpu-1234", DeviceNameKind::gpu_uuid},
                      Spelling{"Pci", "0000:3b:00.0", DeviceNameKind::pci},
                      Spelling{"MigIndex", "0:1", DeviceNameKind::mig_index},
                      Spelling{"MigUuid", "MIG-1234", DeviceNameKind::mig_uuid},
                      Spelling{"MigUuidInLowerCase", "mig-1234", DeviceNameKind::mig_uuid},
                      Spelling{"MigLegacy", "MIG-GPU-1234/1/0", DeviceNameKind::mig_legacy},
                      Spelling{"MigLegacyOfOneInstance", "MIG-GPU-1/2", DeviceNameKind::mig_uuid},
                      Spelling{"MigLegacyOfWords", "MIG-GPU-1/a/0", DeviceNameKind::mig_uuid},
                      Spelling{"Empty", "", DeviceNameKind::other},
                      Spelling{"Negative", "-1", DeviceNameKind::other},
                      Spelling{"IndexOfThirtyThreeBits", "4294967296", DeviceNameKind::other},
                      Spelling{"MigIndexWithoutADevice", "0:", DeviceNameKind::other},
                      Spelling{"MigIndexWithoutAGpu", ":1", DeviceNameKind::other},
                      Spelling{"MigIndexInHexadecimal", "0:a", DeviceNameKind::other},
                      Spelling{"Path", "../../etc", DeviceNameKind::other}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(DeviceName, TellsThePartsOfAMigIndex) {
  const DeviceName name = parse_device_name("3:5");
  EXPECT_EQ(name.gpu_index, 3U);
  EXPECT_EQ(name.mig_index, 5U);
}

TEST(DeviceName, TellsThePartsOfALegacyMigName) {
  const DeviceName name = parse_device_name("MIG-GPU-1234-5678/7/2");
  EXPECT_EQ(name.uuid, "GPU-1234-5678");
  EXPECT_EQ(name.gpu_instance, 7U);
  EXPECT_EQ(name.compute_instance, 2U);
}

TEST(DeviceName, KeepsThePrefixOfAMigUuid) {
  EXPECT_EQ(parse_device_name("MIG-1234").uuid, "MIG-1234");
}

}  // namespace
}  // namespace nvhook
