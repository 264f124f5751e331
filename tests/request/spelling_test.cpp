// SPDX-License-Identifier: Apache-2.0
// The remedies for words that people write and that mean nothing.
#include "request/spelling.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nvhook {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Mistake {
  const char* name;
  const char* word;
  const char* remedy;
};

class DeviceMistake : public ::testing::TestWithParam<Mistake> {};
TEST_P(DeviceMistake, HasARemedy) {
  EXPECT_THAT(device_remedy(GetParam().word), HasSubstr(GetParam().remedy));
}
INSTANTIATE_TEST_SUITE_P(
    Words, DeviceMistake,
    ::testing::Values(
        Mistake{"Quotes", "\"all\"", "leave out the quotes"},
        Mistake{"QuoteOfAList", "'0", "leave out the quotes"},
        Mistake{"VolumeMounts", "/var/run/nvidia-container-devices",
                "accept-nvidia-visible-devices-as-volume-mounts = true"},
        Mistake{"VolumeMount", "/var/run/nvidia-container-devices/all",
                "accept-nvidia-visible-devices-as-volume-mounts = true"},
        Mistake{"ResourceName", "nvidia.com/gpu", "write nvidia.com/gpu=NAME"},
        Mistake{"OtherVendor", "amd.com/gpu=0", "ask the engine for `amd.com/gpu=0`"},
        Mistake{"Storage", "nvidia.com/gds=all", "set NVIDIA_GDS=enabled"},
        Mistake{"Channels", "nvidia.com/imex-channel=0", "NVIDIA_IMEX_CHANNELS"},
        Mistake{"Management", "management.nvidia.com/gpu=all", "NVIDIA_VISIBLE_DEVICES=all"},
        Mistake{"Unreplaced", "${GPUS}", "let the shell"}, Mistake{"Blank", "0 1", "put commas"},
        Mistake{"Brackets", "[0", "leave out the brackets"}, Mistake{"Range", "3-0", "as `0-3`"},
        Mistake{"Node", "/dev/nvidia1", "`1`"}, Mistake{"Type", "gpu0", "index alone, such as `0`"},
        Mistake{"Cuda", "cuda:2", "`2`"}, Mistake{"Option", "device=0", "`0`"},
        Mistake{"BareUuid", "5c66aaaa-0000-0000-0000-000000000001",
                "`GPU-5c66aaaa-0000-0000-0000-000000000001`"},
        Mistake{"Case", "None", "write `none`"}, Mistake{"MinusOne", "-1", "write `all`"},
        Mistake{"Truth", "true", "write `all`"}, Mistake{"NoTruth", "False", "write `void`"},
        Mistake{"TypingError", "alll", "write `all`"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(DeviceMistake, OfAnUnknownKindHasNone) {
  for (const char* word : {"3", "GPU-12345678", "MIG-1/2/3", "0:9", "0000:3b:00.0", "../../etc", "",
                           "18446744073709551616"}) {
    EXPECT_THAT(device_remedy(word), IsEmpty()) << word;
  }
}

class CapabilityMistake : public ::testing::TestWithParam<Mistake> {};
TEST_P(CapabilityMistake, NamesWhatIsNear) {
  EXPECT_THAT(capability_remedy(GetParam().word), HasSubstr(GetParam().remedy));
}
INSTANTIATE_TEST_SUITE_P(
    Words, CapabilityMistake,
    ::testing::Values(Mistake{"OpenGl", "opengl", "write `graphics` instead of `opengl`"},
                      Mistake{"Vulkan", "Vulkan", "`graphics`"},
                      Mistake{"Capitals", "ALL", "write `all` instead of `ALL`"},
                      Mistake{"Quotes", "\"all\"", "leave out the quotes"},
                      Mistake{"Missing", "compte", "`compute`"},
                      Mistake{"Swapped", "cmopute", "`compute`"},
                      Mistake{"Plural", "utilities", "`utility`"},
                      Mistake{"Encoder", "nvenc", "`video`"},
                      Mistake{"Blank", "compute utility", "put commas"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(CapabilityMistake, FarFromEveryCapabilityHasNone) {
  EXPECT_THAT(capability_remedy("banana"), IsEmpty());
  EXPECT_THAT(capability_remedy(std::string(100'000, 'a')), IsEmpty());
}

}  // namespace
}  // namespace nvhook
