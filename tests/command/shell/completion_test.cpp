// SPDX-License-Identifier: Apache-2.0
// Tests that the completion scripts contain every command and option. tests/engine runs the
// scripts.
#include "command/shell/completion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/program_options.hpp>

#include "command/shell/command_line.hpp"

namespace nvhook {
namespace {

using testing::HasSubstr;

TEST(Completion, EveryCommandAndOptionIsInEveryScript) {
  GlobalOptions unused;
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const std::string script = completion_script(shell, all_commands());
    for (const Command& command : all_commands()) {
      EXPECT_THAT(script, HasSubstr(std::string(command.name))) << shell;
      boost::program_options::options_description options;
      command.add_options(options);
      options.add(global_options(unused));
      for (const auto& option : options.options()) {
        const std::string word = (shell == "fish" ? "-l " : "--") + option->long_name();
        EXPECT_THAT(script, HasSubstr(word)) << shell;
      }
    }
  }
}

TEST(Completion, ThereIsNoOtherShell) { EXPECT_EQ(completion_script("tcsh", all_commands()), ""); }

}  // namespace
}  // namespace nvhook
