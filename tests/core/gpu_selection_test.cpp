// SPDX-License-Identifier: Apache-2.0
// Device names against a DGX whose minors do not follow its PCI order.
#include "core/gpu_selection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.hpp"

namespace nvhook {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

std::vector<Gpu> dgx() {
  return {{.index = 0, .minor = 2, .uuid = "GPU-aaaaaaaa-0000", .pci = "0000:07:00.0"},
          {.index = 1, .minor = 3, .uuid = "GPU-bbbbbbbb-0001", .pci = "0000:0f:00.0"},
          {.index = 2, .minor = 0, .uuid = "", .pci = "0001:47:00.0"}};
}

std::vector<unsigned> select(DeviceNames names) {
  std::vector<unsigned> minors;
  for (const Gpu& gpu : select_gpus(std::move(names), dgx())) minors.push_back(gpu.minor);
  return minors;
}

struct Case {
  const char* name;
  DeviceNames devices;
  std::vector<unsigned> minors;
};
class GpuSelectionCase : public ::testing::TestWithParam<Case> {};
TEST_P(GpuSelectionCase, SelectsByMinor) {
  EXPECT_EQ(select(GetParam().devices), GetParam().minors);
}
INSTANTIATE_TEST_SUITE_P(
    Names, GpuSelectionCase,
    ::testing::Values(Case{"IndexIsPciOrderNotMinor", {"0"}, {2}},
                      Case{"IndexOrderWhateverTheOrderAsked", {"2", "0"}, {2, 0}},
                      Case{"SameGpuByTwoNames", {"1", "GPU-bbbbbbbb-0001"}, {3}},
                      Case{"UuidInAnyCase", {"gpu-BBBBBBBB-0001"}, {3}},
                      Case{"PciWithLongDomain", {"00000000:0F:00.0"}, {3}},
                      Case{"PciWithShortDomain", {"1:47:00.0"}, {0}},
                      Case{"PciWithoutFunction", {"0000:07:00"}, {2}}),
    [](const auto& row) { return row.param.name; });

class UnknownDevice : public ::testing::TestWithParam<const char*> {};
TEST_P(UnknownDevice, IsRefusedByNameWithWhatExists) {
  EXPECT_THAT([] { static_cast<void>(select({GetParam()})); },
              ThrowsMessage<Error>(AllOf(HasSubstr(GetParam()), HasSubstr("unknown device"),
                                         HasSubstr("0 (GPU-aaaaaaaa-0000)"))));
}
INSTANTIATE_TEST_SUITE_P(Names, UnknownDevice,
                         ::testing::Values("3", "99", "-1", "+0", "0x0", "0:0", "GPU-aaaaaaaa",
                                           "GPU-", "07:00.0", "0000:07:01.0.0", "MIG-1/2/3",
                                           "../../etc", "18446744073709551616"));

TEST(GpuSelection, AllIsEveryGpuInOrder) {
  EXPECT_THAT(select_gpus(AllDevices{}, dgx()), ::testing::SizeIs(3));
}

TEST(GpuSelection, NoneIsNoGpu) { EXPECT_THAT(select_gpus(NoDevices{}, dgx()), IsEmpty()); }

TEST(GpuSelection, WithoutAnyGpuTheMessageSaysSo) {
  EXPECT_THAT([] { static_cast<void>(select_gpus(DeviceNames{"0"}, {})); },
              ThrowsMessage<Error>(HasSubstr("this host has no GPU")));
}

TEST(GpuSelection, AUuidThatProcDidNotTellMustBeAskedOnlyIfAUuidIsNamed) {
  EXPECT_TRUE(needs_unknown_uuid(DeviceNames{"GPU-cccc"}, dgx()));
  EXPECT_FALSE(needs_unknown_uuid(DeviceNames{"2"}, dgx()));
  EXPECT_FALSE(needs_unknown_uuid(AllDevices{}, dgx()));
}

}  // namespace
}  // namespace nvhook
