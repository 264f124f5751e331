// SPDX-License-Identifier: Apache-2.0
// Tests which devices a container asks for, by the table of docs/behaviour.md §2.12 and in edge
// cases.
#include "request/request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/fails_with.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr CapabilitySet kDefault{Capability::compute, Capability::utility};
constexpr CapabilitySet kVideoDisplay{Capability::display, Capability::video};

RequestResult derive(Environment environment, const Config& config = {}) {
  return derive_request({.root = "/r", .environment = std::move(environment)}, config);
}

RequestResult derive_privileged(Environment environment, const Config& config = {}) {
  return derive_request({.root = "/r", .environment = std::move(environment), .privileged = true},
                        config);
}

std::optional<DeviceSelection> devices_of(const RequestResult& result) {
  return result.request ? std::optional(result.request->devices) : std::nullopt;
}

/// Returns the devices that the words select, the same for each source of a list.
std::optional<DeviceSelection> devices(const std::string& words) {
  return devices_of(derive({{"NVIDIA_VISIBLE_DEVICES", words}}));
}

struct Row {
  const char* name;
  Environment environment;
  std::optional<Request> request;
};

constexpr const char* kEnv = "NVIDIA_VISIBLE_DEVICES";
constexpr const char* kLegacy = "CUDA_VERSION (legacy image)";
const std::vector<Requirement> kCuda9{{"NVIDIA_REQUIRE_CUDA", "cuda>=9.0"}};
const std::vector<Requirement> kLegacy9{{"CUDA_VERSION", "cuda>=9.0"}};

class ReferenceTable : public ::testing::TestWithParam<Row> {};
TEST_P(ReferenceTable, HoldsHere) {
  const RequestResult result = derive(GetParam().environment);
  EXPECT_EQ(result.request, GetParam().request);
  EXPECT_THAT(result.notes, IsEmpty());
}
INSTANTIATE_TEST_SUITE_P(
    Rows, ReferenceTable,
    ::testing::Values(
        Row{"Empty", {}, {}},
        Row{"Legacy",
            {{"CUDA_VERSION", "9.0"}},
            Request{AllDevices{}, kLegacy, CapabilitySet::all(), kLegacy9}},
        Row{"LegacyEmptyCapabilities",
            {{"CUDA_VERSION", "9.0"}, {"NVIDIA_DRIVER_CAPABILITIES", ""}},
            Request{AllDevices{}, kLegacy, kDefault, kLegacy9}},
        Row{"LegacyEmptyDevices", {{"CUDA_VERSION", "9.0"}, {kEnv, ""}}, {}},
        Row{"LegacyVoid", {{"CUDA_VERSION", "9.0"}, {kEnv, "void"}}, {}},
        Row{"LegacyNone",
            {{"CUDA_VERSION", "9.0"}, {kEnv, "none"}},
            Request{NoDevices{}, kEnv, CapabilitySet::all(), kLegacy9}},
        Row{"LegacyDevicesAndCapabilities",
            {{"CUDA_VERSION", "9.0"},
             {kEnv, "gpu0,gpu1"},
             {"NVIDIA_DRIVER_CAPABILITIES", "video,display"}},
            Request{DeviceNames{"gpu0", "gpu1"}, kEnv, kVideoDisplay, kLegacy9}},
        Row{"RequirementAlone", {{"NVIDIA_REQUIRE_CUDA", "cuda>=9.0"}}, {}},
        Row{"RequirementAndDevices",
            {{"NVIDIA_REQUIRE_CUDA", "cuda>=9.0"}, {kEnv, "all"}},
            Request{AllDevices{}, kEnv, kDefault, kCuda9}},
        Row{"ThreeRequirements",
            {{"NVIDIA_REQUIRE_CUDA", "cuda>=9.0"},
             {kEnv, "all"},
             {"NVIDIA_DRIVER_CAPABILITIES", "video,display"},
             {"NVIDIA_REQUIRE_REQ0", "req0=true"},
             {"NVIDIA_REQUIRE_REQ1", "req1=false"}},
            Request{AllDevices{},
                    kEnv,
                    kVideoDisplay,
                    {{"NVIDIA_REQUIRE_CUDA", "cuda>=9.0"},
                     {"NVIDIA_REQUIRE_REQ0", "req0=true"},
                     {"NVIDIA_REQUIRE_REQ1", "req1=false"}}}},
        Row{"RequirementsDisabled",
            {{"NVIDIA_REQUIRE_CUDA", "cuda>=9.0"},
             {kEnv, "all"},
             {"NVIDIA_DRIVER_CAPABILITIES", "video,display"},
             {"NVIDIA_REQUIRE_REQ0", "req0=true"},
             {"NVIDIA_DISABLE_REQUIRE", "true"}},
            Request{AllDevices{}, kEnv, kVideoDisplay}},
        Row{"LegacyRequirementDisabled",
            {{"CUDA_VERSION", "9.0"}, {kEnv, "all"}, {"NVIDIA_DISABLE_REQUIRE", "true"}},
            Request{AllDevices{}, kEnv, CapabilitySet::all()}},
        Row{"NoCuda", {{kEnv, "all"}}, Request{AllDevices{}, kEnv, kDefault}},
        Row{"VoidInAList", {{kEnv, "0,void"}}, {}},
        Row{"NoneBeforeAll", {{kEnv, "none,all"}}, Request{NoDevices{}, kEnv, kDefault}}),
    [](const auto& row) { return std::string(row.param.name); });

struct Words {
  const char* name;
  std::string words;
  std::optional<DeviceSelection> devices;
};
class VisibleDevices : public ::testing::TestWithParam<Words> {};
TEST_P(VisibleDevices, Mean) { EXPECT_EQ(devices(GetParam().words), GetParam().devices); }
INSTANTIATE_TEST_SUITE_P(
    Lists, VisibleDevices,
    ::testing::Values(
        Words{"Empty", "", {}}, Words{"CommasAndSpaces", " , ,", {}},
        Words{"MillionCommas", std::string(1'000'000, ','), {}}, Words{"VoidFirst", "void,0", {}},
        Words{"VoidAfterAll", "all,void", {}}, Words{"All", "all", AllDevices{}},
        Words{"AllInCapitals", "ALL", AllDevices{}},
        Words{"AllAmongOthers", "0,all,1", AllDevices{}},
        Words{"AllBeforeNone", "all,none", AllDevices{}}, Words{"None", "none", NoDevices{}},
        Words{"NoneAmongOthers", "0,none", NoDevices{}},
        Words{"NoneInCapitalsIsAName", "NONE", DeviceNames{"NONE"}},
        Words{"OrderAndSpaces", " 1 , 0,GPU-5c ", DeviceNames{"1", "0", "GPU-5c"}},
        Words{"RepeatedNameOnceWhereTheReferenceLeavesAnEmptySlot", "1,0,1", DeviceNames{"1", "0"}},
        Words{"PathIsAName", "../../etc", DeviceNames{"../../etc"}},
        Words{"ControlBytesAreAName", "\x1b[2J\n0", DeviceNames{"\x1b[2J\n0"}}),
    [](const auto& row) { return std::string(row.param.name); });

constexpr const char* kUuid = "GPU-5c66aaaa-0000-0000-0000-000000000001";

INSTANTIATE_TEST_SUITE_P(
    NamesByCdi, VisibleDevices,
    ::testing::Values(Words{"All", "nvidia.com/gpu=all", AllDevices{}},
                      Words{"AllOfTheRuntime", "runtime.nvidia.com/gpu=all", AllDevices{}},
                      Words{"Index", "nvidia.com/gpu=0", DeviceNames{"0"}},
                      Words{"MixedList", "nvidia.com/gpu=0, 1,runtime.nvidia.com/gpu=2",
                            DeviceNames{"0", "1", "2"}},
                      Words{"OnceByTwoNames", "0,nvidia.com/gpu=0", DeviceNames{"0"}},
                      Words{"Uuid", std::string("nvidia.com/gpu=") + kUuid, DeviceNames{kUuid}},
                      Words{"MigIndex", "runtime.nvidia.com/gpu=0:1", DeviceNames{"0:1"}},
                      Words{"MigUuid", "nvidia.com/gpu=MIG-5c66aaaa", DeviceNames{"MIG-5c66aaaa"}},
                      Words{"TypeAndIndex", "nvidia.com/gpu=gpu1,nvidia.com/gpu=mig1:0",
                            DeviceNames{"1", "1:0"}},
                      Words{"TypeWithoutIndex", "nvidia.com/gpu=gpu", DeviceNames{"gpu"}},
                      Words{"WithoutAName", "nvidia.com/gpu=", DeviceNames{"nvidia.com/gpu="}}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(SwarmResource, ReplacesTheUsualVariable) {
  const auto result = derive({{"DOCKER_RESOURCE_GPUS", "GPU1"}, {"NVIDIA_VISIBLE_DEVICES", "GPU2"}},
                             {.swarm_resources = {"DOCKER_RESOURCE_GPUS"}});
  ASSERT_TRUE(result.request);
  EXPECT_EQ(result.request->devices, DeviceSelection(DeviceNames{"GPU1"}));
  EXPECT_EQ(result.request->devices_source, "DOCKER_RESOURCE_GPUS");
}

TEST(SwarmResource, GivesWayWhereItIsNotSet) {
  const auto result =
      derive({{"NVIDIA_VISIBLE_DEVICES", "GPU2"}}, {.swarm_resources = {"DOCKER_RESOURCE_GPUS"}});
  EXPECT_EQ(devices_of(result), DeviceSelection(DeviceNames{"GPU2"}));
}

TEST(SwarmResource, AddsUpWhereSeveralAreSet) {
  const auto result = derive({{"A", "0,1"}, {"B", "1,2"}}, {.swarm_resources = {"B", "C", "A"}});
  ASSERT_TRUE(result.request);
  EXPECT_EQ(result.request->devices, DeviceSelection(DeviceNames{"1", "2", "0"}));
  EXPECT_EQ(result.request->devices_source, "B, A");
}

TEST(SwarmResource, SetToNothingAsksForNothing) {
  const auto result =
      derive({{"A", ""}, {"NVIDIA_VISIBLE_DEVICES", "all"}, {"CUDA_VERSION", "9.0"}},
             {.swarm_resources = {"A"}});
  EXPECT_FALSE(result.request);
}

TEST(LegacyImage, IsNoneIfItSaysWhatItRequires) {
  EXPECT_FALSE(derive({{"CUDA_VERSION", "9.0"}, {"NVIDIA_REQUIRE_CUDA", "cuda>=9.0"}}).request);
}

TEST(LegacyImage, IsOneIfWhatItRequiresIsEmpty) {
  EXPECT_TRUE(derive({{"CUDA_VERSION", "9.0"}, {"NVIDIA_REQUIRE_CUDA", ""}}).request);
}

TEST(LegacyImage, IsNoneWithAnEmptyVersion) {
  EXPECT_FALSE(derive({{"CUDA_VERSION", ""}}).request);
}

struct LegacyVersion {
  const char* name;
  const char* version;
  const char* expression;
};
class CudaVersion : public ::testing::TestWithParam<LegacyVersion> {};
TEST_P(CudaVersion, IsRequired) {
  const auto result = derive({{"CUDA_VERSION", GetParam().version}});
  ASSERT_TRUE(result.request);
  EXPECT_THAT(result.request->requirements,
              ElementsAre(Requirement{"CUDA_VERSION", GetParam().expression}));
}
INSTANTIATE_TEST_SUITE_P(Versions, CudaVersion,
                         ::testing::Values(LegacyVersion{"Major", "8", "cuda>=8.0"},
                                           LegacyVersion{"Minor", "8.1", "cuda>=8.1"},
                                           LegacyVersion{"Patch", "8.0.61", "cuda>=8.0"},
                                           LegacyVersion{"LeadingV", "v8.0.61", "cuda>=8.0"},
                                           LegacyVersion{"Release", "8.0.61-rc.1+x", "cuda>=8.0"}),
                         [](const auto& row) { return std::string(row.param.name); });

class InvalidCudaVersion : public ::testing::TestWithParam<const char*> {};
TEST_P(InvalidCudaVersion, IsRefused) {
  EXPECT_THAT(
      [] {
        derive({{"CUDA_VERSION", GetParam()}});
      },
      fails_with(Code::invalid_request, "invalid CUDA version `" + std::string(GetParam()) + "`"));
}
TEST_P(InvalidCudaVersion, DoesNotMatterIfNothingIsRequired) {
  EXPECT_TRUE(derive({{"CUDA_VERSION", GetParam()}, {"NVIDIA_DISABLE_REQUIRE", "1"}}).request);
}
TEST_P(InvalidCudaVersion, DoesNotMatterWithoutADevice) {
  EXPECT_FALSE(derive({{"CUDA_VERSION", GetParam()}, {kEnv, ""}}).request);
}
INSTANTIATE_TEST_SUITE_P(Versions, InvalidCudaVersion,
                         ::testing::Values("a.b", "8.0.61.2", "8.", ".8", "8..0", "8 ", "vv8",
                                           "8.0-rc1", "-1"));

TEST(UnprivilegedContainer, IsNotHeardByEnvironmentIfConfiguredSo) {
  const auto result =
      derive({{"NVIDIA_VISIBLE_DEVICES", "all"}}, {.accept_envvar_when_unprivileged = false});
  EXPECT_FALSE(result.request);
  EXPECT_THAT(result.notes,
              ElementsAre(warning("Ignoring devices requested by environment variable(s) in "
                                  "unprivileged container: [NVIDIA_VISIBLE_DEVICES]")));
}

TEST(UnprivilegedContainer, WithoutARequestIsNotWorthANote) {
  EXPECT_THAT(derive({{kEnv, "void"}}, {.accept_envvar_when_unprivileged = false}).notes,
              IsEmpty());
}

TEST(PrivilegedContainer, IsHeardByEnvironmentWhateverIsConfigured) {
  const auto result = derive_privileged({{"NVIDIA_VISIBLE_DEVICES", "all"}},
                                        {.accept_envvar_when_unprivileged = false});
  EXPECT_TRUE(result.request);
}

RequestResult derive_mounted(std::vector<SpecMount> mounts, Environment environment = {}) {
  return derive_request(
      {.root = "/r", .environment = std::move(environment), .mounts = std::move(mounts)},
      {.accept_envvar_when_unprivileged = false, .accept_volume_mounts = true});
}

TEST(VolumeMounts, NameDevicesAndWinOverTheEnvironment) {
  const auto result =
      derive_mounted({{"/dev/null", "/var/run/nvidia-container-devices/GPU-5c"},
                      {"/dev/null", "/var/run/nvidia-container-devices/MIG-GPU-5c/1/0"}},
                     {{"NVIDIA_VISIBLE_DEVICES", "all"}});
  ASSERT_TRUE(result.request);
  EXPECT_EQ(result.request->devices, DeviceSelection(DeviceNames{"GPU-5c", "MIG-GPU-5c/1/0"}));
  EXPECT_EQ(result.request->devices_source, "volume mounts");
}

TEST(VolumeMounts, AreOnlyReadIfConfigured) {
  const ContainerSpec spec{.root = "/r",
                           .mounts = {{"/dev/null", "/var/run/nvidia-container-devices/all"}}};
  EXPECT_FALSE(derive_request(spec, {}).request);
}

TEST(VolumeMounts, GiveWayToTheEnvironmentIfThereAreNone) {
  const ContainerSpec spec{
      .root = "/r", .environment = {{kEnv, "0"}}, .mounts = {{"proc", "/proc"}}};
  EXPECT_EQ(devices_of(derive_request(spec, {.accept_volume_mounts = true})),
            DeviceSelection(DeviceNames{"0"}));
}

TEST(VolumeMounts, NameImexChannels) {
  const auto result = derive_mounted({{"/dev/null", "/var/run/nvidia-container-devices/imex/0"},
                                      {"/dev/null", "/var/run/nvidia-container-devices/0"}});
  EXPECT_EQ(devices_of(result), DeviceSelection(DeviceNames{"0"}));
  EXPECT_THAT(result.request->imex_channels, ElementsAre(0U));
}

TEST(VolumeMounts, NameDevicesByCdi) {
  const auto result =
      derive_mounted({{"/dev/null", "/var/run/nvidia-container-devices/cdi/nvidia.com/gpu/0"},
                      {"/dev/null", "/var/run/nvidia-container-devices/cdi/nvidia.com/gpu=1:0"},
                      {"/dev/null", "/var/run/nvidia-container-devices/cdi/nvidia.com/gds/all"},
                      {"/dev/null", "/var/run/nvidia-container-devices/cdi/nvidia.com"}});
  EXPECT_EQ(devices_of(result), DeviceSelection(DeviceNames({"0", "1:0"})));
  EXPECT_TRUE(result.request->features.gds);
  EXPECT_THAT(result.notes,
              ElementsAre(nvhook::warning(
                  "volume mount on `/var/run/nvidia-container-devices/cdi/nvidia.com` names no "
                  "device: write …/cdi/<vendor>/<class>/<device>")));
}

struct Mount {
  const char* name;
  SpecMount mount;
  std::optional<DeviceSelection> devices;
};
class VolumeMount : public ::testing::TestWithParam<Mount> {};
TEST_P(VolumeMount, Means) {
  EXPECT_EQ(devices_of(derive_mounted({GetParam().mount})), GetParam().devices);
}
INSTANTIATE_TEST_SUITE_P(
    Mounts, VolumeMount,
    ::testing::Values(
        Mount{"All", {"/dev/null", "/var/run/nvidia-container-devices/all"}, AllDevices{}},
        Mount{"Void", {"/dev/null", "/var/run/nvidia-container-devices/void"}, {}},
        Mount{"NotClean",
              {"//dev/./null/", "/var//run/nvidia-container-devices/x/../0/"},
              DeviceNames{"0"}},
        Mount{"DirectoryItself", {"/dev/null", "/var/run/nvidia-container-devices/"}, {}},
        Mount{"OtherSource", {"/dev/zero", "/var/run/nvidia-container-devices/0"}, {}},
        Mount{"NoSource", {"", "/var/run/nvidia-container-devices/0"}, {}},
        Mount{"OtherDirectory", {"/dev/null", "/run/nvidia-container-devices/0"}, {}},
        Mount{"LongerNameWhichTheReferenceTakesForADevice",
              {"/dev/null", "/var/run/nvidia-container-devices-of-mine"},
              {}},
        Mount{"OutOfTheDirectory", {"/dev/null", "/var/run/nvidia-container-devices/../0"}, {}}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(VolumeMounts, NameADeviceOnce) {
  const SpecMount mount{"/dev/null", "/var/run/nvidia-container-devices/0"};
  EXPECT_EQ(devices_of(derive_mounted({mount, mount})), DeviceSelection(DeviceNames{"0"}));
}

TEST(NoRequest, SaysWhy) {
  const auto why = [](const RequestResult& result) {
    return result.request ? std::nullopt : std::optional(result.why_not);
  };
  EXPECT_EQ(why(derive({})), NoRequest::unset);
  EXPECT_EQ(why(derive({{kEnv, ""}})), NoRequest::empty);
  EXPECT_EQ(why(derive({{kEnv, " , "}})), NoRequest::empty);
  EXPECT_EQ(why(derive({{kEnv, "void"}})), NoRequest::is_void);
  const Config strict{.accept_envvar_when_unprivileged = false};
  EXPECT_EQ(why(derive({{kEnv, "0"}}, strict)), NoRequest::unprivileged);
  EXPECT_EQ(why(derive_privileged({{kEnv, "0"}}, strict)), std::nullopt);
  const Config swarm{.swarm_resources = {"DOCKER_RESOURCE_GPU"}};
  EXPECT_EQ(derive({{"DOCKER_RESOURCE_GPU", ""}}, swarm).devices_source, "DOCKER_RESOURCE_GPU");
}

TEST(Capabilities, SayWhereTheyComeFrom) {
  constexpr const char* kVariable = "NVIDIA_DRIVER_CAPABILITIES";
  EXPECT_EQ(derive({{kEnv, "0"}, {kVariable, "video"}}).capabilities_source, kVariable);
  EXPECT_EQ(derive({{kEnv, "0"}, {kVariable, ""}}).capabilities_source, "default");
  EXPECT_EQ(derive({{kEnv, "0"}}).capabilities_source, "default");
  EXPECT_EQ(derive({{"CUDA_VERSION", "9.0"}}).capabilities_source, kLegacy);
}

}  // namespace
}  // namespace nvhook
