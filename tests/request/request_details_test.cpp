// SPDX-License-Identifier: Apache-2.0
// Tests the parts of a request other than devices: capabilities, requirements, MIG access.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "request/request.hpp"
#include "support/fails_with.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kEnv = "NVIDIA_VISIBLE_DEVICES";
constexpr CapabilitySet kDefault{Capability::compute, Capability::utility};
constexpr CapabilitySet kVideoDisplay{Capability::display, Capability::video};

RequestResult derive(Environment environment, const Config& config = {}) {
  return derive_request({.root = "/r", .environment = std::move(environment)}, config);
}

RequestResult derive_privileged(Environment environment) {
  return derive_request({.root = "/r", .environment = std::move(environment), .privileged = true},
                        {});
}

Environment gpu(Environment more) {
  more.insert({kEnv, "all"});
  return more;
}

struct Capable {
  const char* name;
  std::optional<std::string> value;
  CapabilitySet supported;
  CapabilitySet expected;
};
class DriverCapabilities : public ::testing::TestWithParam<Capable> {};
TEST_P(DriverCapabilities, Are) {
  Environment environment = gpu({});
  if (GetParam().value) environment["NVIDIA_DRIVER_CAPABILITIES"] = *GetParam().value;
  const auto result = derive(environment, {.supported_capabilities = GetParam().supported});
  ASSERT_TRUE(result.request);
  EXPECT_EQ(result.request->capabilities, GetParam().expected);
}
INSTANTIATE_TEST_SUITE_P(
    Values, DriverCapabilities,
    ::testing::Values(
        Capable{"Unset", {}, CapabilitySet::all(), kDefault},
        Capable{"UnsetAndLittleSupported", {}, {Capability::utility}, {Capability::utility}},
        Capable{"UnsetAndNoDefaultSupported", {}, kVideoDisplay, {}},
        Capable{"Empty", "", CapabilitySet::all(), kDefault},
        Capable{"CommasAlone", " , ", CapabilitySet::all(), {}},
        Capable{"All", "all", CapabilitySet::all(), CapabilitySet::all()},
        Capable{"AllOfWhatIsSupported", "all", kVideoDisplay, kVideoDisplay},
        Capable{"AllExcusesUnknownWords", "gpu, all", kVideoDisplay, kVideoDisplay},
        Capable{"List", " video ,display,video,", CapabilitySet::all(), kVideoDisplay}),
    [](const auto& row) { return std::string(row.param.name); });

struct Refused {
  const char* name;
  const char* value;
  const char* words;
};
class UnsupportedCapability : public ::testing::TestWithParam<Refused> {};
TEST_P(UnsupportedCapability, IsRefusedWithWhatIsSupportedWhereTheReferenceShowsTheIntersection) {
  EXPECT_THAT(
      [] {
        derive(gpu({{"NVIDIA_DRIVER_CAPABILITIES", GetParam().value}}),
               {.supported_capabilities = kVideoDisplay});
      },
      fails_with(Code::unknown_capability, "unsupported capabilities found in '" +
                                               std::string(GetParam().words) +
                                               "' (allowed 'display,video')"));
}
INSTANTIATE_TEST_SUITE_P(
    Values, UnsupportedCapability,
    ::testing::Values(Refused{"Unknown", "fail-or-all", "fail-or-all"},
                      Refused{"None", "none", "none"}, Refused{"OtherCase", "Video", "Video"},
                      Refused{"NotSupported", "compute", "compute"},
                      Refused{"Sorted", "video, gpu,video,compute", "compute,gpu,video"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(UnsupportedCapabilities, AreNamedEachWithWhatToWrite) {
  const auto run = [] {
    derive(gpu({{"NVIDIA_DRIVER_CAPABILITIES", "video,compute,utility,opengl"}}),
           {.supported_capabilities = {Capability::utility, Capability::video}});
  };
  EXPECT_THAT(run, fails_with(Code::unknown_capability,
                              "(allowed 'utility,video'): `compute` is not allowed, `opengl` is no "
                              "capability"));
  EXPECT_THAT(run, fails_with_remedy(Code::unknown_capability,
                                     "in NVIDIA_DRIVER_CAPABILITIES, allow `compute` by "
                                     "supported-driver-capabilities in config.toml; write "
                                     "`graphics` instead of `opengl`"));
}

TEST(UnsupportedCapabilities, ThatAreManyOrLongStayReadable) {
  std::string words;
  for (int i = 0; i < 1000; ++i) words += std::string(1000, 'x') + std::to_string(i) + ",";
  const auto run = [&] { derive(gpu({{"NVIDIA_DRIVER_CAPABILITIES", words}})); };
  EXPECT_THAT(run, ::testing::Throws<Error>(::testing::Property(
                       &Error::remedy, ::testing::SizeIs(::testing::Lt(1000U)))));
}

TEST(Requirements, AreOrderedByName) {
  const auto result = derive(gpu({{"NVIDIA_REQUIRE_Z", "driver>=1"},
                                  {"NVIDIA_REQUIRE_A", "driver>=2"},
                                  {"CUDA_VERSION", "9.0"}}));
  ASSERT_TRUE(result.request);
  EXPECT_THAT(result.request->requirements,
              ElementsAre(Requirement{"CUDA_VERSION", "cuda>=9.0"},
                          Requirement{"NVIDIA_REQUIRE_A", "driver>=2"},
                          Requirement{"NVIDIA_REQUIRE_Z", "driver>=1"}));
}

class NoRequirement : public ::testing::TestWithParam<const char*> {};
TEST_P(NoRequirement, IsNotCollected) {
  const auto result = derive(gpu({{GetParam(), "cuda>=99"}}));
  ASSERT_TRUE(result.request);
  EXPECT_THAT(result.request->requirements, IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(Names, NoRequirement,
                         ::testing::Values("NVIDIA_REQUIRE", "NVIDIA_REQUIREMENT",
                                           "nvidia_require_cuda", "NVIDIA_REQUIRE_JETPACK",
                                           "NVIDIA_REQUIRE_JETPACK_HOST_MOUNTS"));

TEST(Requirements, EmptyOnesAreLeftOut) {
  const auto result = derive(gpu({{"NVIDIA_REQUIRE_A", ""}}));
  ASSERT_TRUE(result.request);
  EXPECT_THAT(result.request->requirements, IsEmpty());
}

TEST(Requirements, AreNotCollectedIfTheConfigurationDisablesThem) {
  const auto result = derive(gpu({{"NVIDIA_REQUIRE_A", "cuda>=1"}}), {.disable_require = true});
  ASSERT_TRUE(result.request);
  EXPECT_THAT(result.request->requirements, IsEmpty());
}

struct Switch {
  const char* value;
  bool disables;
};
class DisableRequire : public ::testing::TestWithParam<Switch> {};
TEST_P(DisableRequire, IsReadAsGoReadsABoolean) {
  const auto result =
      derive(gpu({{"NVIDIA_REQUIRE_A", "cuda>=1"}, {"NVIDIA_DISABLE_REQUIRE", GetParam().value}}));
  ASSERT_TRUE(result.request);
  EXPECT_EQ(result.request->requirements.empty(), GetParam().disables);
}
INSTANTIATE_TEST_SUITE_P(Values, DisableRequire,
                         ::testing::Values(Switch{"1", true}, Switch{"t", true}, Switch{"T", true},
                                           Switch{"TRUE", true}, Switch{"true", true},
                                           Switch{"True", true}, Switch{"tRUE", false},
                                           Switch{"yes", false}, Switch{"on", false},
                                           Switch{"", false}, Switch{"0", false},
                                           Switch{" 1", false}),
                         [](const auto& row) { return "Number" + std::to_string(row.index); });

struct Mig {
  const char* variable;
  const char* option;
  const char* phrase;
};
class MigAccess : public ::testing::TestWithParam<Mig> {};
TEST_P(MigAccess, NeedsAPrivilegedContainer) {
  EXPECT_THAT(
      [] {
        derive(gpu({{GetParam().variable, "mig0"}}));
      },
      fails_with(Code::privilege_required, GetParam().phrase));
}
TEST_P(MigAccess, IsForAllDevicesOnly) {
  EXPECT_THAT(
      [] {
        derive_privileged(gpu({{GetParam().variable, "0"}}));
      },
      fails_with(Code::invalid_request, std::string(GetParam().option) +
                                            " error: `0`: only 'all' devices are "
                                            "currently supported"));
}
TEST_P(MigAccess, IsNotGivenByAnEmptyValue) {
  const auto result = derive(gpu({{GetParam().variable, ""}}));
  ASSERT_TRUE(result.request);
  EXPECT_FALSE(result.request->mig_config || result.request->mig_monitor);
}
TEST_P(MigAccess, IsNotAskedForWithoutADevice) {
  EXPECT_FALSE(derive({{GetParam().variable, "all"}}).request);
}
TEST_P(MigAccess, DoesNotGoWithSpecificMigDevices) {
  for (const char* const device : {"MIG-5c", "mig-GPU-5c/1/0", "0:1", "2,1:0"}) {
    EXPECT_THAT(
        [&] {
          derive_privileged({{GetParam().variable, "all"}, {kEnv, device}});
        },
        fails_with(Code::invalid_request, "cannot enable " + std::string(GetParam().option) +
                                              " with specific MIG devices selected"))
        << device;
  }
}
INSTANTIATE_TEST_SUITE_P(
    Variables, MigAccess,
    ::testing::Values(Mig{"NVIDIA_MIG_CONFIG_DEVICES", "mig-config",
                          "cannot set MIG_CONFIG_DEVICES in non privileged container"},
                      Mig{"NVIDIA_MIG_MONITOR_DEVICES", "mig-monitor",
                          "cannot set MIG_MONITOR_DEVICES in non privileged container"}),
    [](const auto& row) { return row.index == 0 ? "Config" : "Monitor"; });

TEST(MigConfig, IsGivenForAllInAnyCase) {
  const auto result = derive_privileged(gpu({{"NVIDIA_MIG_CONFIG_DEVICES", "ALL"}}));
  ASSERT_TRUE(result.request);
  EXPECT_TRUE(result.request->mig_config);
  EXPECT_FALSE(result.request->mig_monitor);
}

TEST(MigMonitor, IsGivenBesideWholeGpusByAnyOfTheirNames) {
  const auto result =
      derive_privileged({{"NVIDIA_MIG_MONITOR_DEVICES", "all"}, {kEnv, "0,GPU-5c,0000:07:00.0"}});
  ASSERT_TRUE(result.request);
  EXPECT_TRUE(result.request->mig_monitor);
  EXPECT_FALSE(result.request->mig_config);
}

}  // namespace
}  // namespace nvhook
