// SPDX-License-Identifier: Apache-2.0
// Tests the syntax of nvidia-ctk's command line: options, variables, unknown words, help.
#include "command/nvidia_ctk/ctk_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "command/nvidia_ctk/ctk_commands.hpp"
#include "command/shell/command.hpp"

namespace nvhook {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

CtkLine parse(const std::vector<std::string>& arguments, const CtkEnvironment& environment = {}) {
  return parse_ctk_line(arguments, environment, ctk_commands());
}

std::string fault_of(const std::vector<std::string>& arguments) {
  try {
    static_cast<void>(parse(arguments));
  } catch (const UsageFault& fault) {
    return fault.what();
  }
  return "no fault";
}

TEST(CtkLine, AnOptionHasOneOrTwoDashesAndItsValueIsTheNextWordOrFollowsEquals) {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"--output", "a b"}, {"--output=a b"}, {"-output", "a b"}, {"-output=a b"}}) {
    std::vector<std::string> line{"cdi", "generate"};
    line.insert(line.end(), words.begin(), words.end());
    EXPECT_EQ(parse(line).values.text("output"), "a b") << words[0];
  }
  EXPECT_EQ(parse({"cdi", "generate", "--output="}).values.text("output"), "");
  EXPECT_EQ(parse({"cdi", "generate", "--output", "--x"}).values.text("output"), "--x");
  EXPECT_EQ(parse({"config", "-o", "f", "-i"}).values.text("output"), "f");
}

TEST(CtkLine, ABooleanNeedsNoValue) {
  const auto is_on = [](const std::string& word) {
    return parse({"cdi", "generate", word}).values.is_on("no-all-device");
  };
  EXPECT_TRUE(is_on("--no-all-device"));
  EXPECT_TRUE(is_on("--no-all-device=true"));
  EXPECT_FALSE(is_on("--no-all-device=false"));
  EXPECT_FALSE(is_on("--no-all-device=0"));
  EXPECT_THAT(fault_of({"cdi", "generate", "--no-all-device=maybe"}), HasSubstr("not `maybe`"));
}

TEST(CtkLine, AListHasCommasAndIsRepeated) {
  const CtkLine line = parse({"cdi", "generate", "--device-id=0, 1", "--devices", "GPU-2"});
  EXPECT_THAT(line.values.list("device-id"), ElementsAre("0", "1", "GPU-2"));
  const CtkLine sets = parse({"config", "--set", "a=b,c", "--set=d"});
  EXPECT_THAT(sets.values.list("set"), ElementsAre("a=b,c", "d")) << "a comma is of the value";
}

TEST(CtkLine, AVariableCountsIfTheOptionIsNotGiven) {
  const CtkEnvironment environment{{"NVIDIA_CTK_CDI_OUTPUT_FILE_PATH", "/v"},
                                   {"NVIDIA_CTK_CDI_GENERATE_DEVICE_IDS", "0,1"},
                                   {"NVIDIA_CTK_CDI_GENERATE_VENDOR", ""},
                                   {"NVIDIA_CTK_DEBUG", "true"}};
  const CtkLine line = parse({"cdi", "generate"}, environment);
  EXPECT_EQ(line.values.text("output"), "/v");
  EXPECT_THAT(line.values.list("device-id"), ElementsAre("0", "1"));
  EXPECT_FALSE(line.values.is_set("vendor")) << "an empty variable is none";
  EXPECT_TRUE(line.global.is_on("debug"));
  const CtkLine given = parse({"cdi", "generate", "--output=/g", "--device=2"}, environment);
  EXPECT_EQ(given.values.text("output"), "/g");
  EXPECT_THAT(given.values.list("device-id"), ElementsAre("2"));
}

TEST(CtkLine, TheFirstOfSeveralVariablesCounts) {
  const CtkLine line = parse({"system", "create-device-nodes"},
                             {{"ROOT", ""}, {"NVIDIA_DRIVER_ROOT", "/n"}, {"DRIVER_ROOT", "/d"}});
  EXPECT_EQ(line.values.text("root"), "/n");
}

TEST(CtkLine, OptionsOfEveryCommandStandAnywhere) {
  EXPECT_TRUE(parse({"-d", "cdi", "list"}).global.is_on("debug"));
  EXPECT_TRUE(parse({"cdi", "--quiet", "list"}).global.is_on("quiet"));
  EXPECT_TRUE(parse({"cdi", "list", "--debug"}).global.is_on("debug"));
  EXPECT_EQ(parse({"--config", "/c", "cdi", "generate"}).global.text("config"), "/c");
  const CtkLine own = parse({"--config=/g", "runtime", "configure", "--config=/c"});
  EXPECT_EQ(own.global.text("config"), "/g");
  EXPECT_EQ(own.values.text("config"), "/c") << "the command's own option of that name";
}

TEST(CtkLine, WordsLeadToACommand) {
  EXPECT_EQ(parse({"cdi", "transform", "root"}).command->name, "cdi transform root");
  EXPECT_EQ(parse({"config"}).command->name, "config");
  EXPECT_EQ(parse({"config", "default"}).command->name, "config default");
  EXPECT_EQ(parse({"config", "create-default"}).command->name, "config default");
  EXPECT_EQ(parse({"cdi"}).group, "cdi");
  EXPECT_EQ(parse({"info"}).command, nullptr);
  EXPECT_TRUE(parse({"help"}).global.is_on("help"));
  EXPECT_THAT(parse({"cdi", "list", "more"}).ignored, ElementsAre("more"));
  EXPECT_THAT(parse({"hook", "update-ldcache", "--folder", "/x"}).ignored,
              ElementsAre("update-ldcache", "--folder", "/x"));
}

TEST(CtkLine, AnUnknownWordIsNamedWithWhatIsNear) {
  EXPECT_EQ(fault_of({"cdi", "generatx"}),
            "there is no command `cdi generatx`; perhaps `generate`");
  EXPECT_EQ(fault_of({"cdi", "check"}),
            "there is no command `cdi check`; there is: generate, list, transform");
  EXPECT_EQ(fault_of({"cdi", "generate", "--outptu=x"}),
            "`cdi generate` has no option `--outptu`; perhaps `--output`");
  EXPECT_EQ(fault_of({"cdi", "list", "--zzzzzz"}), "`cdi list` has no option `--zzzzzz`");
  EXPECT_EQ(fault_of({"--zzzzzz"}), "there is no option `--zzzzzz`");
  EXPECT_EQ(fault_of({"cdi", "generate", "--output"}), "`--output` needs a value");
}

TEST(CtkLine, HelpHasEachCommandAndEachOption) {
  EXPECT_THAT(ctk_help(parse({}), ctk_commands()), HasSubstr("  runtime configure\n"));
  const std::string cdi = ctk_help(parse({"cdi"}), ctk_commands());
  EXPECT_THAT(cdi, HasSubstr("  cdi transform root\n"));
  EXPECT_THAT(cdi, testing::Not(HasSubstr("runtime configure")));
  const std::string text = ctk_help(parse({"cdi", "generate"}), ctk_commands());
  EXPECT_THAT(text, HasSubstr("  --mode, --discovery-mode VALUE\n"));
  EXPECT_THAT(text, HasSubstr("[$NVIDIA_CTK_CDI_OUTPUT_FILE_PATH]"));
}

TEST(CtkLine, EachNameIsThereOnce) {
  for (const CtkCommand& command : ctk_commands()) {
    std::vector<std::string> names;
    for (const CtkFlag& flag : command.flags) {
      EXPECT_NE(flag.summary.empty(), flag.no_effect.empty()) << flag.names;
      const auto name = std::string(flag.names.substr(0, flag.names.find(' ')));
      EXPECT_EQ(std::count(names.begin(), names.end(), name), 0) << command.name << " " << name;
      names.push_back(name);
    }
  }
}

}  // namespace
}  // namespace nvhook
