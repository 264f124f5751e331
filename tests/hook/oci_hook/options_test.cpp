// SPDX-License-Identifier: Apache-2.0
// Tests the hook's command lines as engines and people write them.
#include "oci_hook/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nvhook {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(Options, DockerWritesTheCommandAlone) {
  EXPECT_EQ(parse_options({"prestart"}).command, Command::run);
}

TEST(Options, SarusWritesConfigWithOneDashAndEqualsSign) {
  const Options options = parse_options({"-config=/path/config.toml", "prestart"});
  EXPECT_EQ(options.config_file, "/path/config.toml");
  EXPECT_EQ(options.command, Command::run);
}

TEST(Options, TheValueMayBeTheNextWordAndTwoDashesAreTheSame) {
  EXPECT_EQ(parse_options({"-config", "/c", "prestart"}).config_file, "/c");
  EXPECT_EQ(parse_options({"--config", "/c", "prestart"}).config_file, "/c");
  EXPECT_EQ(parse_options({"--config=/c", "prestart"}).config_file, "/c");
}

TEST(Options, CapabilitiesForWhatACdiSpecificationLeaves) {
  EXPECT_EQ(parse_options({"-cdi=all", "createRuntime"}).cdi, "all");
  EXPECT_EQ(parse_options({"-cdi", "compute,utility", "createRuntime"}).cdi, "compute,utility");
  EXPECT_EQ(parse_options({"createRuntime"}).cdi, std::nullopt);
}

TEST(Options, ModeOfTheShimThatEditedConfigJson) {
  EXPECT_EQ(parse_options({"-mode=cdi", "-complete", "createRuntime"}).mode, RuntimeMode::cdi);
  EXPECT_EQ(parse_options({"-mode", "jit-cdi", "createRuntime"}).mode, RuntimeMode::jit_cdi);
  EXPECT_EQ(parse_options({"createRuntime"}).mode, std::nullopt);
  EXPECT_THROW(static_cast<void>(parse_options({"-mode=CDI", "createRuntime"})), UsageError);
}

TEST(Options, BooleansStandAloneOrWithAGoBoolean) {
  EXPECT_TRUE(parse_options({"-debug", "prestart"}).debug);
  EXPECT_TRUE(parse_options({"-debug=T", "prestart"}).debug);
  EXPECT_FALSE(parse_options({"--debug=false", "prestart"}).debug);
  EXPECT_THAT(
      [] {
        static_cast<void>(parse_options({"-debug=yes", "prestart"}));
      },
      ThrowsMessage<UsageError>(HasSubstr("\"yes\"")));
}

TEST(Options, ABooleanDoesNotSwallowTheCommand) {
  const Options options = parse_options({"-debug", "prestart"});
  EXPECT_TRUE(options.debug);
  EXPECT_EQ(options.command, Command::run);
}

TEST(Options, WhatFollowsTheCommandIsIgnored) {
  const Options options = parse_options({"prestart", "-config", "/c", "--nonsense"});
  EXPECT_EQ(options.config_file, "");
  EXPECT_EQ(options.command, Command::run);
}

TEST(Options, TwoDashesAloneEndTheFlags) {
  EXPECT_EQ(parse_options({"-debug", "--", "poststop"}).command, Command::nothing);
}

class Commands : public ::testing::TestWithParam<std::pair<const char*, Command>> {};
TEST_P(Commands, AreKnown) {
  EXPECT_EQ(parse_options({GetParam().first}).command, GetParam().second);
}
INSTANTIATE_TEST_SUITE_P(Words, Commands,
                         ::testing::Values(std::pair("prestart", Command::run),
                                           std::pair("createRuntime", Command::run),
                                           std::pair("createContainer", Command::run),
                                           std::pair("startContainer", Command::run),
                                           std::pair("precreate", Command::precreate),
                                           std::pair("poststart", Command::nothing),
                                           std::pair("poststop", Command::nothing)),
                         [](const auto& row) { return std::string(row.param.first); });

TEST(Options, VersionAndHelpNeedNoCommand) {
  EXPECT_EQ(parse_options({"-version"}).command, Command::version);
  EXPECT_EQ(parse_options({"--version"}).command, Command::version);
  EXPECT_EQ(parse_options({"-h"}).command, Command::help);
  EXPECT_EQ(parse_options({"-help"}).command, Command::help);
  EXPECT_EQ(parse_options({"--help"}).command, Command::help);
}

class BadLine : public ::testing::TestWithParam<std::vector<std::string>> {};
TEST_P(BadLine, IsAUsageError) {
  EXPECT_THROW(static_cast<void>(parse_options(GetParam())), UsageError);
}
INSTANTIATE_TEST_SUITE_P(Lines, BadLine,
                         ::testing::Values(std::vector<std::string>{},
                                           std::vector<std::string>{"start"},
                                           std::vector<std::string>{"Prestart"},
                                           std::vector<std::string>{"--conf=/c", "prestart"},
                                           std::vector<std::string>{"-unknown", "prestart"},
                                           std::vector<std::string>{"-config"},
                                           std::vector<std::string>{"-debug"},
                                           std::vector<std::string>{"-"}));

TEST(Options, UsageNamesEveryCommand) {
  const std::string text = usage("nvidia-container-runtime-hook");
  EXPECT_THAT(text, HasSubstr("Usage of nvidia-container-runtime-hook:"));
  for (const char* word : {"prestart", "poststart", "poststop"}) EXPECT_THAT(text, HasSubstr(word));
}

TEST(Options, WhatIsDoneToTheHostHasNoDryRun) {
  EXPECT_EQ(parse_options({"create-device-nodes"}).command, Command::create_device_nodes);
  EXPECT_EQ(parse_options({"remove-drop-ins"}).command, Command::remove_drop_ins);
  for (const std::string word : {"create-device-nodes", "remove-drop-ins"}) {
    EXPECT_THAT(
        [&] {
          static_cast<void>(parse_options({"-dry-run", word}));
        },
        ThrowsMessage<UsageError>(HasSubstr("-dry-run is not for")));
  }
}

}  // namespace
}  // namespace nvhook
