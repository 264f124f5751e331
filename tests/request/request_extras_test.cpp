// SPDX-License-Identifier: Apache-2.0
// Tests IMEX channels, and features that a container switches on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "request/request.hpp"
#include "support/fails_with.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

RequestResult derive(Environment environment, const Config& config = {}, bool privileged = false) {
  environment.try_emplace("NVIDIA_VISIBLE_DEVICES", "none");
  return derive_request(
      {.root = "/r", .environment = std::move(environment), .privileged = privileged}, config);
}

std::vector<unsigned> channels(const std::string& value, const Config& config = {}) {
  return derive({{"NVIDIA_IMEX_CHANNELS", value}}, config).request->imex_channels;
}

TEST(ImexChannels, AreNumbersEachOnceInOrder) {
  EXPECT_THAT(channels("7, 0,7,1048575"), ElementsAre(0U, 7U, 1048575U));
}

class NoImexChannel : public ::testing::TestWithParam<const char*> {};
TEST_P(NoImexChannel, AsTheReferenceReadsIt) { EXPECT_THAT(channels(GetParam()), IsEmpty()); }
INSTANTIATE_TEST_SUITE_P(Values, NoImexChannel,
                         ::testing::Values("", "all", "ALL", "none", "void", "3,all"));

class BadImexChannel : public ::testing::TestWithParam<const char*> {};
TEST_P(BadImexChannel, IsRefusedByValue) {
  EXPECT_THAT([] { static_cast<void>(channels(GetParam())); },
              ::testing::ThrowsMessage<Error>(
                  ::testing::AllOf(HasSubstr("error parsing IMEX info"), HasSubstr(GetParam()))));
}
INSTANTIATE_TEST_SUITE_P(Values, BadImexChannel,
                         ::testing::Values("1048576", "-1", "0x1", "a", "1/2",
                                           "99999999999999999999"));

TEST(ImexChannels, AreIgnoredIfConfigured) {
  EXPECT_THAT(channels("x", {.ignore_imex_channel_requests = true}), IsEmpty());
}

TEST(ImexChannels, ByVariableNeedThePrivilegeThatDevicesNeed) {
  const Config strict{.accept_envvar_when_unprivileged = false, .accept_volume_mounts = true};
  const ContainerSpec spec{.root = "/r",
                           .environment = {{"NVIDIA_IMEX_CHANNELS", "1"}},
                           .mounts = {{"/dev/null", "/var/run/nvidia-container-devices/0"}}};
  const RequestResult result = derive_request(spec, strict);
  EXPECT_THAT(result.request->imex_channels, IsEmpty());
  ASSERT_EQ(result.notes.size(), 1U);
  EXPECT_THAT(result.notes[0].text, HasSubstr("[NVIDIA_IMEX_CHANNELS]"));
}

TEST(ImexChannels, VolumeMountsWinOverTheVariable) {
  const Config config{.accept_volume_mounts = true};
  const ContainerSpec spec{.root = "/r",
                           .environment = {{"NVIDIA_IMEX_CHANNELS", "1"}},
                           .mounts = {{"/dev/null", "/var/run/nvidia-container-devices/0"},
                                      {"/dev/null", "/var/run/nvidia-container-devices/imex/5"}}};
  EXPECT_THAT(derive_request(spec, config).request->imex_channels, ElementsAre(5U));
}

TEST(ImexChannels, AloneMakeNoGpuContainer) {
  EXPECT_FALSE(derive_request({.root = "/r", .environment = {{"NVIDIA_IMEX_CHANNELS", "1"}}}, {})
                   .request.has_value());
}

TEST(Features, AreSwitchedOnByTheWordEnabledOnly) {
  const auto features = [](const char* value) {
    return derive({{"NVIDIA_GDS", value},
                   {"NVIDIA_MOFED", value},
                   {"NVIDIA_GDRCOPY", value},
                   {"NVIDIA_NVSWITCH", value}})
        .request->features;
  };
  EXPECT_EQ(features("enabled"),
            (Features{.gds = true, .mofed = true, .gdrcopy = true, .nvswitch = true}));
  for (const char* value : {"", "1", "true", "Enabled", "disabled"}) {
    EXPECT_EQ(features(value), Features{}) << value;
  }
  EXPECT_EQ(derive({{"NVIDIA_GDS", "enabled"}}).request->features, Features{.gds = true});
}

class FeatureWord : public ::testing::TestWithParam<const char*> {};
TEST_P(FeatureWord, ThatAsksInVainIsNoted) {
  EXPECT_THAT(derive({{"NVIDIA_GDRCOPY", GetParam()}}).notes,
              ElementsAre(warning("NVIDIA_GDRCOPY=`" + std::string(GetParam()) +
                                  "` has no effect: write NVIDIA_GDRCOPY=enabled")));
}
INSTANTIATE_TEST_SUITE_P(Words, FeatureWord,
                         ::testing::Values("1", "true", "yes", "ENABLED", "on", "\"enabled\"",
                                           " enabled"));

TEST(Features, ThatAreRefusedAreNoted) {
  for (const char* value : {"", "0", "false", "no", "Disabled", "off"}) {
    EXPECT_THAT(derive({{"NVIDIA_GDS", value}, {"NVIDIA_DISABLE_REQUIRE", value}}).notes, IsEmpty())
        << value;
  }
}

TEST(DisableRequire, ThatHasNoEffectIsNoted) {
  EXPECT_THAT(derive({{"NVIDIA_DISABLE_REQUIRE", "yes"}}).notes,
              ElementsAre(warning("NVIDIA_DISABLE_REQUIRE=`yes` has no effect: write "
                                  "NVIDIA_DISABLE_REQUIRE=1")));
}

TEST(Quotes, InAValueGetAHintWhateverTheVariable) {
  for (const Environment& environment :
       {Environment{{"NVIDIA_IMEX_CHANNELS", "\"0\""}}, Environment{{"CUDA_VERSION", "\"12.2\""}},
        Environment{{"NVIDIA_DRIVER_CAPABILITIES", "\"all\""}}}) {
    EXPECT_THAT([&] { static_cast<void>(derive(environment)); },
                ::testing::Throws<Error>(::testing::Property(
                    &Error::remedy, ::testing::HasSubstr("leave out the quotes"))))
        << environment.begin()->first;
  }
}

}  // namespace
}  // namespace nvhook
