// SPDX-License-Identifier: Apache-2.0
// Tests the command line of oci-nvidia: which words are the command, and the errors for wrong ones.
#include "command/shell/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <boost/program_options.hpp>

namespace nvhook {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

namespace po = boost::program_options;

void add_nothing(po::options_description& /*options*/) {}
void add_why(po::options_description& options) {
  options.add_options()("why", po::bool_switch(), "the reasons");
  options.add_options()("env", po::value<std::vector<std::string>>(), "a variable");
}
Outcome do_nothing(const OptionValues& /*values*/, CommandContext& /*context*/) {
  return Outcome::good;
}

constexpr std::array kCommands{
    Command{"list", "", "lists", "", add_why, do_nothing},
    Command{"cdi check", "FILE", "checks", "Two\nlines.", add_nothing, do_nothing},
    Command{"cdi list", "", "lists specs", "", add_nothing, do_nothing},
};

CommandLine parse(const std::vector<std::string>& arguments) {
  return parse_command_line(arguments, kCommands);
}

std::string fault_of(const std::vector<std::string>& arguments) {
  try {
    static_cast<void>(parse(arguments));
  } catch (const UsageFault& fault) {
    return fault.what();
  }
  return {};
}

TEST(CommandLine, OptionsOfAllCommandsStandBeforeOrBehindTheCommand) {
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"--json", "--color", "never", "list"},
                                             {"list", "--json", "--color=never"},
                                             {"--color", "never", "list", "--json"}}) {
    const CommandLine line = parse(arguments);
    ASSERT_NE(line.command, nullptr);
    EXPECT_EQ(line.command->name, "list");
    EXPECT_TRUE(line.global.json);
    EXPECT_EQ(line.global.color, "never");
  }
}

TEST(CommandLine, ACommandMayHaveTwoWords) {
  const CommandLine line = parse({"cdi", "check", "--verbose", "a.json", "b.json"});
  ASSERT_NE(line.command, nullptr);
  EXPECT_EQ(line.command->name, "cdi check");
  EXPECT_THAT(line.values["operand"].as<std::vector<std::string>>(),
              ElementsAre("a.json", "b.json"));
}

TEST(CommandLine, ACommandHasItsOwnOptions) {
  const CommandLine line = parse({"list", "--why", "--env", "A=1", "--env=B=2"});
  EXPECT_TRUE(line.values["why"].as<bool>());
  EXPECT_THAT(line.values["env"].as<std::vector<std::string>>(), ElementsAre("A=1", "B=2"));
}

TEST(CommandLine, SaysWhatIsWrong) {
  EXPECT_EQ(fault_of({}), "a command is missing");
  EXPECT_EQ(fault_of({"--json"}), "a command is missing");
  EXPECT_EQ(fault_of({"lsit"}), "there is no command `lsit`; perhaps `list`");
  EXPECT_EQ(fault_of({"cdi", "chexk"}), "there is no command `cdi chexk`; perhaps `cdi check`");
  EXPECT_EQ(fault_of({"start"}), "there is no command `start`");
  EXPECT_EQ(fault_of({"cdi"}), "`cdi` needs a second word: cdi check, cdi list");
  EXPECT_EQ(fault_of({"list", "GPU"}), "`list` takes no operands");
  EXPECT_THAT(fault_of({"list", "--who"}), HasSubstr("--who"));
  EXPECT_THAT(fault_of({"list", "--wh"}), HasSubstr("--wh"));
  EXPECT_THAT(fault_of({"list", "--color"}), HasSubstr("--color"));
}

TEST(CommandLine, SaysWhoseHelpExplainsIt) {
  try {
    static_cast<void>(parse({"cdi", "list", "--who"}));
    FAIL();
  } catch (const UsageFault& fault) {
    EXPECT_EQ(fault.command(), "cdi list");
  }
}

TEST(CommandLine, HelpAndVersionNeedNoCommand) {
  EXPECT_TRUE(parse({"-h"}).global.help);
  EXPECT_TRUE(parse({"--version"}).global.version);
  EXPECT_EQ(parse({"list", "--help"}).command->name, "list");
}

TEST(CommandLine, HelpAndVersionMayBeWords) {
  EXPECT_TRUE(parse({"help"}).global.help);
  EXPECT_TRUE(parse({"version"}).global.version);
  const CommandLine line = parse({"help", "cdi", "check"});
  EXPECT_TRUE(line.global.help);
  ASSERT_NE(line.command, nullptr);
  EXPECT_EQ(line.command->name, "cdi check");
}

TEST(CommandLine, AGroupOfCommandsHasItsOwnHelp) {
  for (const auto& arguments : {std::vector<std::string>{"cdi", "--help"}, {"help", "cdi"}}) {
    const CommandLine line = parse(arguments);
    EXPECT_TRUE(line.global.help);
    EXPECT_EQ(line.command, nullptr);
    EXPECT_EQ(line.group, "cdi");
  }
  const std::string text = help_text(kCommands, "cdi");
  EXPECT_THAT(text, HasSubstr("Usage: oci-nvidia cdi COMMAND [OPTIONS]\n"));
  EXPECT_THAT(text, HasSubstr("cdi list"));
  EXPECT_THAT(text, Not(HasSubstr("\n  list")));
}

TEST(CommandLine, HelpNamesEveryCommandAndOption) {
  const std::string all = help_text(kCommands);
  for (const Command& command : kCommands) {
    EXPECT_THAT(all, HasSubstr(std::string(command.name)));
    EXPECT_THAT(all, HasSubstr(std::string(command.summary)));
  }
  EXPECT_THAT(all, HasSubstr("--host-root"));
  const std::string one = help_text(kCommands[1]);
  EXPECT_THAT(one, HasSubstr("Usage: oci-nvidia cdi check [OPTIONS] FILE\n"));
  EXPECT_THAT(one, HasSubstr("Two\nlines."));
  EXPECT_THAT(help_text(kCommands[0]), HasSubstr("--why"));
}

}  // namespace
}  // namespace nvhook
