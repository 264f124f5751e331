// SPDX-License-Identifier: Apache-2.0
// Names of devices on a DGX whose minor numbers do not follow the PCI order.
#include "host/gpu/gpu_selection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/error.hpp"

namespace nvhook {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::ThrowsMessage;

/// GPU 1 (minor 3) has two GPU instances, the second with two compute instances.
Inventory dgx() {
  return {
      .gpus = {{.index = 0, .minor = 2, .uuid = "GPU-aaaaaaaa-0000", .pci = "0000:07:00.0"},
               {.index = 1, .minor = 3, .uuid = "GPU-bbbbbbbb-0001", .pci = "0000:0f:00.0"},
               {.index = 2, .minor = 0, .uuid = "", .pci = "0001:47:00.0"}},
      .mig_devices = {{.gpu_minor = 3, .gpu_instance = 1, .index = 0, .uuid = "MIG-11111111-aa"},
                      {.gpu_minor = 3, .gpu_instance = 5, .index = 1, .uuid = "MIG-22222222-bb"},
                      {.gpu_minor = 3, .gpu_instance = 5, .compute_instance = 1}}};
}

std::vector<unsigned> select(DeviceNames names) {
  std::vector<unsigned> minors;
  for (const Gpu& gpu : select_devices(std::move(names), dgx()).gpus) minors.push_back(gpu.minor);
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
                                         EndsWith("this host has GPUs 0, 1, 2"))));
}
INSTANTIATE_TEST_SUITE_P(Names, UnknownDevice,
                         ::testing::Values("3", "99", "-1", "+0", "0x0", "GPU-aaaaaaaa", "GPU-",
                                           "07:00.0", "0000:07:01.0.0", "../../etc",
                                           "18446744073709551616"));

TEST(GpuSelection, AMistakeInAKnownFormGetsItsOwnRemedy) {
  EXPECT_THAT([] { static_cast<void>(select({"\"all\""})); },
              ::testing::Throws<Error>(
                  ::testing::Property(&Error::remedy, HasSubstr("leave out the quotes"))));
}

TEST(GpuSelection, ANameByCdiOfAnotherVendorIsForTheEngine) {
  const auto run = [] { static_cast<void>(select({"amd.com/gpu=0"})); };
  EXPECT_THAT(run, ThrowsMessage<Error>(HasSubstr(
                       "`amd.com/gpu=0`: unknown device; a name by CDI that is none of NVIDIA's")));
  EXPECT_THAT(run, ::testing::Throws<Error>(::testing::Property(
                       &Error::remedy, HasSubstr("ask the engine for `amd.com/gpu=0`"))));
}

TEST(GpuSelection, AllIsEveryGpuInOrder) {
  EXPECT_THAT(select_devices(AllDevices{}, dgx()).gpus, ::testing::SizeIs(3));
}

TEST(GpuSelection, NoneIsNoGpu) {
  EXPECT_EQ(select_devices(NoDevices{}, dgx()), SelectedDevices{});
}

TEST(GpuSelection, AContainerThatWasNotGivenAllIsNotCalledAHost) {
  Inventory inventory = dgx();
  inventory.nodes_are_given = true;
  EXPECT_THAT([&] { static_cast<void>(select_devices(DeviceNames{"7"}, inventory)); },
              ThrowsMessage<Error>(HasSubstr("this container has GPUs 0, 1, 2")));
}

TEST(GpuSelection, WithoutAnyGpuTheMessageSaysSo) {
  EXPECT_THAT([] { static_cast<void>(select_devices(DeviceNames{"0"}, {})); },
              ThrowsMessage<Error>(HasSubstr("this host has no GPU")));
}

TEST(GpuSelection, AUuidThatProcDidNotTellMustBeAskedOnlyIfAUuidIsNamed) {
  EXPECT_TRUE(needs_unknown_uuid(DeviceNames{"GPU-cccc"}, dgx().gpus));
  EXPECT_FALSE(needs_unknown_uuid(DeviceNames{"2"}, dgx().gpus));
  EXPECT_FALSE(needs_unknown_uuid(AllDevices{}, dgx().gpus));
}

TEST(GpuSelection, AUuidThatProcTellsNeedsNoQuestionBecauseOfAnotherGpu) {
  EXPECT_FALSE(needs_unknown_uuid(DeviceNames{"GPU-aaaaaaaa-0000"}, dgx().gpus));
  EXPECT_FALSE(needs_unknown_uuid(DeviceNames{"0", "gpu-BBBBBBBB-0001"}, dgx().gpus));
  EXPECT_FALSE(needs_unknown_uuid(DeviceNames{"MIG-GPU-bbbbbbbb-0001/5/0"}, dgx().gpus));
  EXPECT_TRUE(needs_unknown_uuid(DeviceNames{"GPU-aaaaaaaa-0000", "GPU-cccc"}, dgx().gpus));
  EXPECT_TRUE(needs_unknown_uuid(DeviceNames{"MIG-GPU-cccc/5/0"}, dgx().gpus));
}

using Instance = std::pair<unsigned, unsigned>;
std::vector<Instance> select_mig(const DeviceSelection& selection) {
  std::vector<Instance> found;
  for (const MigDevice& device : select_devices(selection, dgx()).mig_devices) {
    found.emplace_back(device.gpu_instance, device.compute_instance);
  }
  return found;
}

struct MigCase {
  const char* name;
  const char* device;
  Instance instance;
};
class MigSelection : public ::testing::TestWithParam<MigCase> {};
TEST_P(MigSelection, SelectsTheInstanceAndItsGpu) {
  const DeviceNames names{GetParam().device};
  EXPECT_THAT(select_mig(names), ElementsAre(GetParam().instance));
  EXPECT_THAT(select(names), ElementsAre(3U));
}
INSTANTIATE_TEST_SUITE_P(
    Names, MigSelection,
    ::testing::Values(MigCase{"ByGpuIndexAndMigIndex", "1:1", {5, 0}},
                      MigCase{"ByUuid", "MIG-11111111-aa", {1, 0}},
                      MigCase{"ByUuidInAnyCase", "mig-11111111-AA", {1, 0}},
                      MigCase{"ByOldFormWithoutNvml", "MIG-GPU-bbbbbbbb-0001/5/1", {5, 1}}),
    [](const auto& row) { return row.param.name; });

TEST(GpuSelection, AllBringsEveryMigDeviceAndAGpuByItsOwnNameNone) {
  EXPECT_THAT(select_mig(AllDevices{}), ::testing::SizeIs(3));
  EXPECT_THAT(select_mig(DeviceNames{"1"}), IsEmpty());
}

class UnknownMigDevice : public ::testing::TestWithParam<const char*> {};
TEST_P(UnknownMigDevice, IsRefusedWithTheOnesThatExist) {
  EXPECT_THAT(
      [] { static_cast<void>(select({GetParam()})); },
      ThrowsMessage<Error>(AllOf(HasSubstr(GetParam()), HasSubstr("unknown device"),
                                 HasSubstr("GPU 1 MIG 1 (GPU instance 5, compute instance 0)"))));
}
INSTANTIATE_TEST_SUITE_P(Names, UnknownMigDevice,
                         ::testing::Values("1:2", "0:0", "9:9", "MIG-1/2/3", "MIG-", "MIG-3333",
                                           "MIG-GPU-bbbbbbbb-0001/5/2",
                                           "MIG-GPU-aaaaaaaa-0000/5/0"));

/// One GPU (index 0, minor 2) with these MIG devices, and GPU 1 (minor 3) with an unnamed one.
Inventory mig_host(std::vector<MigDevice> of_gpu_0) {
  Inventory inventory{.gpus = {{.index = 0, .minor = 2}, {.index = 1, .minor = 3}},
                      .mig_devices = std::move(of_gpu_0)};
  inventory.mig_devices.push_back({.gpu_minor = 3, .gpu_instance = 1});
  return inventory;
}
const MigDevice kUnnamed{.gpu_minor = 2, .gpu_instance = 2};
const MigDevice kNamed{.gpu_minor = 2, .gpu_instance = 1, .index = 0, .uuid = "MIG-1234"};

class MigName : public ::testing::TestWithParam<const char*> {};
TEST_P(MigName, ThatOnlyNvmlKnowsMustBeAsked) {
  const DeviceSelection selection = DeviceNames{"1", GetParam()};
  EXPECT_TRUE(needs_mig_names(selection, mig_host({kNamed, kUnnamed})));
  EXPECT_FALSE(needs_mig_names(selection, {.gpus = mig_host({}).gpus}));
}
INSTANTIATE_TEST_SUITE_P(Names, MigName, ::testing::Values("0:1", "MIG-5678", "mig-5678"));

class KnownMigName : public ::testing::TestWithParam<const char*> {};
TEST_P(KnownMigName, NeedsNoQuestionBecauseOfAnotherDevice) {
  EXPECT_FALSE(needs_mig_names(DeviceNames{GetParam()}, mig_host({kNamed, kUnnamed})));
}
INSTANTIATE_TEST_SUITE_P(Names, KnownMigName, ::testing::Values("0:0", "mig-1234"));

TEST(GpuSelection, AnIndexOnAGpuWhoseMigDevicesAreKnownNeedsNoQuestion) {
  EXPECT_FALSE(needs_mig_names(DeviceNames{"0:7"}, mig_host({kNamed})));
  EXPECT_FALSE(needs_mig_names(DeviceNames{"0:7"}, mig_host({})));
  EXPECT_TRUE(needs_mig_names(DeviceNames{"1:7"}, mig_host({})));
}

class OtherName : public ::testing::TestWithParam<const char*> {};
TEST_P(OtherName, NeedsNoMigNames) {
  EXPECT_FALSE(needs_mig_names(DeviceNames{GetParam()}, mig_host({kUnnamed})));
}
INSTANTIATE_TEST_SUITE_P(Names, OtherName,
                         ::testing::Values("0", "GPU-bbbbbbbb-0001", "0000:07:00.0",
                                           "MIG-GPU-bbbbbbbb-0001/1/0"));

TEST(GpuSelection, AllAndNoneNeedNoMigNames) {
  EXPECT_FALSE(needs_mig_names(AllDevices{}, mig_host({kUnnamed})));
  EXPECT_FALSE(needs_mig_names(NoDevices{}, mig_host({kUnnamed})));
}

/// GPU 1 (minor 3) has a node for display.
Inventory with_drm_node(std::vector<MigDevice> devices) {
  Inventory inventory = mig_host(std::move(devices));
  inventory.nodes.push_back({.role = DeviceRole::drm, .gpu_minor = kNamed.gpu_minor});
  return inventory;
}

TEST(GpuSelection, OnlyMigDevicesOfAGpuWithDisplayNodesNeedTheirProfiles) {
  const SelectedDevices unnamed{.mig_devices = {kUnnamed}};
  EXPECT_TRUE(needs_mig_profiles(unnamed, with_drm_node({kUnnamed})));
  EXPECT_FALSE(needs_mig_profiles(unnamed, mig_host({kUnnamed})));
  EXPECT_FALSE(needs_mig_profiles({.mig_devices = {kNamed}}, with_drm_node({kNamed, kUnnamed})));
  EXPECT_FALSE(needs_mig_profiles({}, with_drm_node({kUnnamed})));
}

}  // namespace
}  // namespace nvhook
