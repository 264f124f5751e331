// SPDX-License-Identifier: Apache-2.0
// Tests command lines of nvidia-container-cli as its callers write them.
#include "nvidia_container_cli/cli_options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

using Words = std::vector<std::string>;
const std::string kName = "nvidia-container-cli";
const std::string kHint =
    "Try `nvidia-container-cli --help' or `nvidia-container-cli --usage' for more information.\n";
const std::string kConfigureHint =
    "Try `nvidia-container-cli configure --help' or `nvidia-container-cli configure --usage' for "
    "more information.\n";

CliOptions parse(const Words& words) {
  return std::get<CliOptions>(parse_cli_options(kName, words));
}

struct Said {
  int status = 0;
  std::string output = {};
  std::string errors = {};
};
Said say(const Words& words) {
  CaptureStdout();
  CaptureStderr();
  const auto parsed = parse_cli_options(kName, words);
  Said said{.output = GetCapturedStdout(), .errors = GetCapturedStderr()};
  said.status = std::get<int>(parsed);
  return said;
}

TEST(CliOptions, OfTheHook) {
  const CliOptions options = parse({"--root=/run/nvidia/driver",
                                    "--load-kmods",
                                    "--no-create-imex-channels",
                                    "--no-pivot",
                                    "--debug=/dev/stderr",
                                    "--ldcache=/etc/ld.so.cache",
                                    "--user=65534:65534",
                                    "configure",
                                    "--cuda-compat-mode=ldconfig",
                                    "--ldconfig=@/sbin/ldconfig",
                                    "--no-cgroups",
                                    "--device=a,b",
                                    "--mig-config=all",
                                    "--mig-monitor=all",
                                    "--imex-channel=0,1",
                                    "--compat32",
                                    "--compute",
                                    "--display",
                                    "--graphics",
                                    "--ngx",
                                    "--utility",
                                    "--video",
                                    "--require=cuda>=12.2",
                                    "--require=driver>=535",
                                    "--pid=42",
                                    "/rootfs"});
  EXPECT_EQ(options.driver_root, "/run/nvidia/driver");
  EXPECT_TRUE(options.load_kmods);
  EXPECT_FALSE(options.create_imex_channels);
  EXPECT_EQ(options.debug_file, "/dev/stderr");
  EXPECT_EQ(options.loader_cache, "/etc/ld.so.cache");
  EXPECT_EQ(options.command, CliCommand::configure);
  EXPECT_THAT(options.cuda_compat_modes, ElementsAre("ldconfig"));
  EXPECT_TRUE(options.no_cgroups);
  EXPECT_THAT(options.selection.devices, ElementsAre("a,b"));
  EXPECT_THAT(options.selection.mig_config, ElementsAre("all"));
  EXPECT_THAT(options.selection.mig_monitor, ElementsAre("all"));
  EXPECT_THAT(options.selection.imex_channels, ElementsAre("0,1"));
  EXPECT_EQ(options.selection.capabilities, CapabilitySet::all());
  EXPECT_THAT(options.selection.requirements, ElementsAre("cuda>=12.2", "driver>=535"));
  EXPECT_EQ(options.pid, "42");
  EXPECT_EQ(options.rootfs, "/rootfs");
  EXPECT_EQ(options.without_effect.size(), 3U);
}

TEST(CliOptions, OfLxcHaveUserWithoutAValue) {
  const CliOptions options =
      parse({"--user", "configure", "--no-cgroups", "--ldconfig=@/sbin/ldconfig.real", "--device=0",
             "--utility", "/usr/lib/lxc/rootfs"});
  EXPECT_EQ(options.command, CliCommand::configure);
  EXPECT_EQ(options.selection.capabilities, CapabilitySet({Capability::utility}));
  EXPECT_EQ(options.rootfs, "/usr/lib/lxc/rootfs");
  EXPECT_EQ(options.pid, "");
}

TEST(CliOptions, LettersMeanAnotherThingAfterTheCommand) {
  const CliOptions options =
      parse({"-knd", "/log", "-l", "cache", "configure", "-nud", "0", "-l", "@/x", "/c"});
  EXPECT_EQ(options.debug_file, "/log");
  EXPECT_EQ(options.loader_cache, "cache");
  EXPECT_TRUE(options.load_kmods);
  EXPECT_THAT(options.selection.devices, ElementsAre("0"));
  EXPECT_EQ(options.selection.capabilities, CapabilitySet({Capability::ngx, Capability::utility}));
}

TEST(CliOptions, AreAbbreviatedRepeatedAndMixedWithTheOperand) {
  const CliOptions options =
      parse({"--load", "--load-kmods", "configure", "--dev=0", "/c", "--device", "1", "--comput",
             "--no-p", "--no-f", "--no-g", "--no-d", "--no-cnt"});
  EXPECT_THAT(options.selection.devices, ElementsAre("0", "1"));
  EXPECT_EQ(options.rootfs, "/c");
  EXPECT_EQ(
      options.selection.left_out,
      (LeftOut{
          .device_nodes = true, .firmware = true, .persistenced = true, .fabric_manager = true}));
  EXPECT_TRUE(options.no_cntlibs);
}

TEST(CliOptions, AfterTwoDashesNothingIsAnOption) {
  EXPECT_EQ(parse({"configure", "--", "--rootfs"}).rootfs, "--rootfs");
}

TEST(CliOptions, OfInfoAndList) {
  EXPECT_EQ(parse({"info"}).format, InfoFormat::text);
  EXPECT_EQ(parse({"info", "--csv"}).format, InfoFormat::csv);
  EXPECT_EQ(parse({"list", "-lb", "--compat32"}).sections,
            (ListSections{.libraries = true, .binaries = true, .compat32 = true}));
  EXPECT_EQ(parse({"list", "--device=0", "--ipcs", "--firm"}).sections,
            (ListSections{.devices = true, .ipcs = true, .firmwares = true}));
}

TEST(CliOptions, OfListAloneAreEverything) {
  const ListSections everything{.devices = true,
                                .libraries = true,
                                .binaries = true,
                                .ipcs = true,
                                .firmwares = true,
                                .compat32 = true};
  EXPECT_EQ(parse({"list"}).sections, everything);
  EXPECT_THAT(parse({"list"}).selection.devices, ElementsAre("all"));
  EXPECT_EQ(parse({"list", "--imex-channel=1"}).sections, everything);
  EXPECT_EQ(parse({"list", "--imex-channel", "1"}).sections, ListSections{});
  EXPECT_EQ(parse({"list", "--compat32"}).sections, ListSections{.compat32 = true});
}

struct Wrong {
  const char* name;
  Words words;
  std::string errors;
};
class WrongCommandLine : public ::testing::TestWithParam<Wrong> {};
TEST_P(WrongCommandLine, IsToldAsArgpDoes) {
  const Said said = say(GetParam().words);
  EXPECT_EQ(said.status, 1);
  EXPECT_EQ(said.output, "");
  EXPECT_EQ(said.errors, GetParam().errors);
}
INSTANTIATE_TEST_SUITE_P(
    Errors, WrongCommandLine,
    ::testing::Values(
        Wrong{"Unknown", {"--x"}, "nvidia-container-cli: unrecognized option '--x'\n" + kHint},
        Wrong{"UnknownWithValue",
              {"configure", "--x=y", "/c"},
              "nvidia-container-cli configure: unrecognized option '--x=y'\n" + kConfigureHint},
        Wrong{"GlobalAfterTheCommand",
              {"configure", "--load-kmods", "/c"},
              "nvidia-container-cli configure: unrecognized option '--load-kmods'\n" +
                  kConfigureHint},
        Wrong{"NoValue",
              {"--debug"},
              "nvidia-container-cli: option '--debug' requires an argument\n" + kHint},
        Wrong{"Letter", {"-x"}, "nvidia-container-cli: invalid option -- 'x'\n" + kHint},
        Wrong{"Ambiguous",
              {"configure", "--co", "/c"},
              "nvidia-container-cli configure: option '--co' is ambiguous; possibilities: "
              "'--compute' '--compat32'\n" +
                  kConfigureHint},
        Wrong{"TwoRootFileSystems",
              {"configure", "/c", "/d"},
              "nvidia-container-cli configure: Too many arguments\n" + kConfigureHint}),
    [](const auto& row) { return row.param.name; });

TEST(WrongCommandLine, WithoutAKnownCommandGetsTheUsage) {
  for (const Words& words : {Words{}, Words{"-k"}, Words{"frobnicate"}, Words{"configure"}}) {
    const Said said = say(words);
    EXPECT_EQ(said.status, 1);
    EXPECT_THAT(said.errors, ::testing::StartsWith("Usage: nvidia-container-cli"));
    EXPECT_THAT(said.errors, HasSubstr("Try `nvidia-container-cli"));
  }
}

TEST(CliHelp, GoesToStandardOutput) {
  for (const char* word : {"--help", "-?", "--usage"}) {
    const Said said = say({word});
    EXPECT_EQ(said.status, 0);
    EXPECT_THAT(said.output, ::testing::StartsWith("Usage: nvidia-container-cli "));
    EXPECT_EQ(said.errors, "");
  }
  EXPECT_THAT(say({"--help"}).output, HasSubstr("\n  -u, --user[=UID[:GID]]     "));
  EXPECT_THAT(say({"configure", "--help"}).output,
              HasSubstr("\n      --cuda-compat-mode=MODE\n                             mount, "));
}

TEST(CliVersion, HasSevenLines) {
  const std::string text = say({"--version"}).output;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 7);
  EXPECT_THAT(text, ::testing::MatchesRegex("cli-version: [0-9.]+\nlib-version: [0-9.]+\n"
                                            "build date: [^\n]+\nbuild revision: [^\n]+\n"
                                            "build compiler: [^\n]+\nbuild platform: [^\n]+\n"
                                            "build flags: [^\n]*\n"));
  EXPECT_EQ(say({"list", "-V"}).output, text);
}

}  // namespace
}  // namespace nvhook
