// SPDX-License-Identifier: Apache-2.0
// Tests that lines are broken where a terminal would break words.
#include "command/render/folded_text.hpp"

#include <gtest/gtest.h>

namespace nvhook {
namespace {

TEST(FoldedText, BreaksAtBlanks) {
  EXPECT_EQ(folded("one two three four", 9), "one two\n  three\n  four");
  EXPECT_EQ(folded("fits\none two three\n", 8), "fits\none two\n  three\n");
  EXPECT_EQ(folded("note   id  some words", 14, 11),
            "note   id\n           some\n           words");
}

TEST(FoldedText, LeavesAWordWhole) {
  EXPECT_EQ(folded("/a/very/long/path and more", 8), "/a/very/long/path\n  and\n  more");
}

TEST(FoldedText, CountsWhatIsSeen) {
  EXPECT_EQ(folded("\x1b[31mred\x1b[0m one", 7), "\x1b[31mred\x1b[0m one");
  EXPECT_EQ(folded("äöü … é", 7), "äöü … é");
}

TEST(FoldedText, BreaksNothingWithoutAWidth) {
  const std::string line(500, 'x');
  EXPECT_EQ(folded(line + " " + line, 0), line + " " + line);
}

TEST(FoldedCommand, GoesOnAfterABackslash) {
  EXPECT_EQ(folded_command("sudo rm one two three", 16, 2), "sudo rm one \\\n  two three");
  EXPECT_EQ(folded_command("sudo rm one", 13, 2), "sudo rm one");
  EXPECT_EQ(folded_command("sudo rm one", 0, 2), "sudo rm one");
}

TEST(FoldedCommand, BreaksNothingInQuotes) {
  EXPECT_EQ(folded_command("sudo sh -c 'a long one' && \"b c\" d", 14, 0),
            "sudo sh -c \\\n'a long one' \\\n&& \"b c\" d");
  EXPECT_EQ(folded_command("echo 'a \"' b 'c d' e", 10, 0), "echo \\\n'a \"' b \\\n'c d' e");
}

TEST(FoldedCommand, LeavesACommentAComment) {
  EXPECT_EQ(folded_command("sudo rm one  # or don't, as it isn't ours", 20, 4),
            "sudo rm one # or\n    # don't, as it\n    # isn't ours");
}

}  // namespace
}  // namespace nvhook
