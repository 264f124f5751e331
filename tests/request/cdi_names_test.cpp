// SPDX-License-Identifier: Apache-2.0
// Tests devices that are named by CDI: in the variable and in annotations, in each mode.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "request/request.hpp"
#include "support/fails_with.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kEnv = "NVIDIA_VISIBLE_DEVICES";

Request request_of(const std::string& devices, bool privileged = false, const Config& config = {}) {
  const RequestResult result = derive_request(
      {.root = "/r", .environment = {{kEnv, devices}}, .privileged = privileged}, config);
  EXPECT_TRUE(result.request) << devices;
  return result.request.value_or(Request());
}

DeviceSelection names(DeviceNames list) { return list; }

TEST(NamesByCdi, OfGpusAreTheirNamesWithoutTheKind) {
  for (const char* vendor : {"nvidia.com", "runtime.nvidia.com", "k8s.device-plugin.nvidia.com"}) {
    const std::string kind = std::string(vendor) + "/gpu=";
    EXPECT_EQ(request_of(kind + "0," + kind + "GPU-5c,1").devices, names({"0", "GPU-5c", "1"}));
    EXPECT_EQ(request_of(kind + "all").devices, DeviceSelection(AllDevices{}));
    EXPECT_EQ(request_of(kind + "none").devices, DeviceSelection(NoDevices{}));
  }
}

TEST(NamesByCdi, OfFeaturesAreTheFeatures) {
  const Request request = request_of(
      "0,nvidia.com/gds=all,nvidia.com/mofed=all,nvidia.com/gdrcopy=all,"
      "nvidia.com/nvswitch=all");
  EXPECT_EQ(request.devices, names({"0"}));
  EXPECT_EQ(request.features,
            (Features{.gds = true, .mofed = true, .gdrcopy = true, .nvswitch = true}));
  EXPECT_EQ(request_of("nvidia.com/gds=all").devices, DeviceSelection(NoDevices{}));
  EXPECT_EQ(request_of("nvidia.com/gds=all").features, Features{.gds = true});
}

TEST(NamesByCdi, OfFeaturesHaveOnlyAll) {
  EXPECT_THAT([] { static_cast<void>(request_of("nvidia.com/gds=0")); },
              fails_with(Code::unknown_device,
                         "`nvidia.com/gds=0`: unknown device; this kind has only `all`"));
  EXPECT_THAT([] { static_cast<void>(request_of("management.nvidia.com/gpu=0")); },
              fails_with(Code::unknown_device, "has only `all`"));
}

TEST(NamesByCdi, OfImexChannelsAreTheChannels) {
  const Request some = request_of("0,nvidia.com/imex-channel=7,nvidia.com/imex-channel=2");
  EXPECT_THAT(some.imex_channels, ElementsAre(2, 7));
  EXPECT_FALSE(some.all_imex_channels);
  const Request all = request_of("0,nvidia.com/imex-channel=all");
  EXPECT_THAT(all.imex_channels, IsEmpty());
  EXPECT_TRUE(all.all_imex_channels);
  EXPECT_THAT([] { static_cast<void>(request_of("nvidia.com/imex-channel=1048576")); },
              fails_with(Code::invalid_request, "`1048576` in NVIDIA_VISIBLE_DEVICES"));
}

TEST(NamesByCdi, OfImexChannelsAreIgnoredAsOthersAre) {
  const Request request = request_of("0,nvidia.com/imex-channel=7,nvidia.com/imex-channel=all",
                                     false, {.ignore_imex_channel_requests = true});
  EXPECT_THAT(request.imex_channels, IsEmpty());
  EXPECT_FALSE(request.all_imex_channels);
}

TEST(NamesByCdi, OfManagementAreAllGpusAndEverything) {
  const Request request = request_of("management.nvidia.com/gpu=all", true);
  EXPECT_EQ(request.devices, DeviceSelection(AllDevices{}));
  EXPECT_TRUE(request.mig_config && request.mig_monitor);
  EXPECT_EQ(request.capabilities, CapabilitySet::all());
}

TEST(NamesByCdi, OfManagementGiveNoMigAdministrationWithoutPrivileges) {
  const RequestResult result =
      derive_request({.root = "/r", .environment = {{kEnv, "management.nvidia.com/gpu=all"}}}, {});
  EXPECT_FALSE(result.request->mig_config || result.request->mig_monitor);
  ASSERT_THAT(result.notes, ::testing::SizeIs(1));
  EXPECT_THAT(result.notes[0].text, HasSubstr("without the administration of MIG"));
}

TEST(NamesByCdi, OfOthersAreRefusedWithWhatToDo) {
  for (const char* list : {"vendor.com/net=eth0", "all,vendor.com/net=eth0"}) {
    try {
      static_cast<void>(request_of(list));
      FAIL() << list;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::unknown_device);
      EXPECT_THAT(error.what(), HasSubstr("`vendor.com/net=eth0`: unknown device; a name by CDI "
                                          "that is none of NVIDIA's"));
      EXPECT_THAT(error.remedy(), HasSubstr("--device"));
    }
  }
}

TEST(NamesByCdi, OfOthersDoNotMatterInAListThatDoesNotCount) {
  const Environment environment{{kEnv, "vendor.com/net=eth0"}};
  EXPECT_EQ(derive_request({.root = "/r", .environment = environment},
                           {.accept_envvar_when_unprivileged = false})
                .why_not,
            NoRequest::unprivileged);
  EXPECT_EQ(derive_request({.root = "/r", .environment = {{kEnv, "void,vendor.com/net=eth0"}}}, {})
                .why_not,
            NoRequest::is_void);
}

// ---- modes

TEST(Mode, OfCdiGivesAllCapabilitiesToAContainerThatNamesNone) {
  for (const RuntimeMode mode : {RuntimeMode::cdi, RuntimeMode::jit_cdi}) {
    const Config config{.mode = mode};
    EXPECT_EQ(request_of("0", false, config).capabilities, CapabilitySet::all());
    const RequestResult named = derive_request(
        {.root = "/r", .environment = {{kEnv, "0"}, {"NVIDIA_DRIVER_CAPABILITIES", "utility"}}},
        config);
    EXPECT_EQ(named.request->capabilities, CapabilitySet{Capability::utility});
  }
  const CapabilitySet usual{Capability::compute, Capability::utility};
  EXPECT_EQ(request_of("0", false, {.mode = RuntimeMode::legacy}).capabilities, usual);
  EXPECT_EQ(request_of("0").capabilities, usual);
}

TEST(Mode, OfCdiStaysWithinTheSupportedCapabilities) {
  EXPECT_EQ(request_of("0", false,
                       {.supported_capabilities = {Capability::video}, .mode = RuntimeMode::cdi})
                .capabilities,
            CapabilitySet{Capability::video});
}

TEST(Mode, OfTegraRefusesRequestsAndNothingElse) {
  const Config config{.mode = RuntimeMode::csv};
  EXPECT_THAT([&] { static_cast<void>(request_of("0", false, config)); },
              fails_with(Code::config_invalid, "the mode for the integrated GPU of a Tegra"));
  EXPECT_FALSE(derive_request({.root = "/r", .environment = {{kEnv, "void"}}}, config).request);
}

TEST(DefaultKind, IsThatOfNamesWithoutOneInTheModeCdi) {
  const Config config{.mode = RuntimeMode::cdi, .default_kind = "management.nvidia.com/gpu"};
  EXPECT_TRUE(request_of("all", true, config).mig_config);
  EXPECT_FALSE(request_of("nvidia.com/gpu=all", true, config).mig_config);
  EXPECT_EQ(request_of("none", true, config).devices, DeviceSelection(NoDevices{}));
  EXPECT_FALSE(derive_request({.root = "/r", .environment = {{kEnv, "void"}}}, config).request);
  for (const RuntimeMode mode : {RuntimeMode::automatic, RuntimeMode::jit_cdi}) {
    const Config other{.mode = mode, .default_kind = "management.nvidia.com/gpu"};
    EXPECT_FALSE(request_of("all", true, other).mig_config);
  }
}

// ---- annotations

RequestResult annotated(Annotations annotations, const Config& config,
                        const std::string& variable = "void") {
  return derive_request({.root = "/r",
                         .environment = {{kEnv, variable}},
                         .mounts = {{"/dev/null", "/var/run/nvidia-container-devices/6"}},
                         .annotations = std::move(annotations)},
                        config);
}

const Config kCdi{.accept_volume_mounts = true, .mode = RuntimeMode::cdi};

TEST(AnnotationsOfCdi, AreReadBeforeMountsAndVariable) {
  const RequestResult result = annotated({{"cdi.k8s.io/b", "nvidia.com/gpu=1"},
                                          {"cdi.k8s.io/a", "nvidia.com/gpu=0, nvidia.com/gds=all"},
                                          {"other/a", "nvidia.com/gpu=5"}},
                                         kCdi, "7");
  ASSERT_TRUE(result.request);
  EXPECT_EQ(result.request->devices, names({"0", "1"}));
  EXPECT_TRUE(result.request->features.gds);
  EXPECT_EQ(result.devices_source, "annotation cdi.k8s.io/a, annotation cdi.k8s.io/b");
}

TEST(AnnotationsOfCdi, NeedNoPermissionForVariables) {
  Config config = kCdi;
  config.accept_envvar_when_unprivileged = false;
  EXPECT_TRUE(annotated({{"cdi.k8s.io/a", "nvidia.com/gpu=0"}}, config).request);
}

TEST(AnnotationsOfCdi, AreNotReadInOtherModes) {
  for (const RuntimeMode mode :
       {RuntimeMode::automatic, RuntimeMode::legacy, RuntimeMode::jit_cdi}) {
    const RequestResult result =
        annotated({{"cdi.k8s.io/a", "nvidia.com/gpu=0"}}, {.mode = mode}, "7");
    EXPECT_EQ(result.request->devices, names({"7"}));
  }
}

TEST(AnnotationsOfCdi, HaveThePrefixesOfTheConfiguration) {
  Config config = kCdi;
  config.annotation_prefixes = {"nvidia.cdi.k8s.io/", "x/"};
  const Annotations both{{"cdi.k8s.io/a", "nvidia.com/gpu=0"}, {"x/a", "nvidia.com/gpu=1"}};
  EXPECT_EQ(annotated(both, config).request->devices, names({"1"}));
  config.annotation_prefixes = {};
  EXPECT_EQ(annotated(both, config).request->devices, names({"6"})) << "volume mounts are next";
  config.annotation_prefixes = {""};
  EXPECT_EQ(annotated(both, config).request->devices, names({"6"}));
}

TEST(AnnotationsOfCdi, OfOthersAreLeftToTheEngine) {
  const RequestResult result = annotated(
      {{"cdi.k8s.io/net", "vendor.com/net=eth0"}, {"cdi.k8s.io/gpu", "nvidia.com/gpu=0"}}, kCdi);
  EXPECT_EQ(result.request->devices, names({"0"}));
  EXPECT_EQ(result.devices_source, "annotation cdi.k8s.io/gpu");
  ASSERT_THAT(result.notes, ::testing::SizeIs(1));
  EXPECT_THAT(result.notes[0].text, HasSubstr("left to the engine"));
  EXPECT_EQ(annotated({{"cdi.k8s.io/net", "vendor.com/net=eth0"}}, kCdi).request->devices,
            names({"6"}));
}

}  // namespace
}  // namespace nvhook
