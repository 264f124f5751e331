// SPDX-License-Identifier: Apache-2.0
// Tests columns and colour.
#include "command/render/table.hpp"

#include <gtest/gtest.h>

namespace nvhook {
namespace {

TEST(Table, ColumnsAreAsWideAsTheirWidestCell) {
  const Table table{.head = {"A", "LONG", "C"},
                    .rows = {{{"1"}, {"2"}, {"3"}}, {{"444"}, {""}, {"5"}}}};
  EXPECT_EQ(to_text(table, {}),
            "A    LONG  C\n"
            "1    2     3\n"
            "444        5\n");
}

TEST(Table, NothingStandsBehindTheLastCell) {
  EXPECT_EQ(to_text({.rows = {{{"a"}, {""}}, {{"b"}, {"c"}}}}, {}), "a\nb  c\n");
}

TEST(Table, AColumnCountsCharactersAndNotBytes) {
  EXPECT_EQ(to_text({.rows = {{{"ä"}, {"x"}}, {{"b"}, {"y"}}}}, {}), "ä  x\nb  y\n");
}

TEST(Table, WhatATerminalWouldObeyIsShownAsBytes) {
  EXPECT_EQ(to_text({.rows = {{{"\x1b[2J"}}}}, {}), "\\x1b[2J\n");
}

TEST(Table, ColourTakesNoRoom) {
  EXPECT_EQ(to_text({.rows = {{{"a", Colour::bad}, {"x"}}, {{"bb"}, {"y"}}}}, {.coloured = true}),
            "\x1b[31ma\x1b[0m   x\nbb  y\n");
}

TEST(Style, ColourOnlyWhereItIsWanted) {
  const Terminal terminal{.is_terminal = true, .type = "xterm"};
  EXPECT_TRUE(style_of("auto", terminal)->coloured);
  EXPECT_FALSE(style_of("never", terminal)->coloured);
  EXPECT_FALSE(style_of("auto", {.is_terminal = true, .no_color = "1", .type = "xterm"})->coloured);
  EXPECT_FALSE(style_of("auto", {.is_terminal = true, .type = "dumb"})->coloured);
  EXPECT_FALSE(style_of("auto", {.is_terminal = false, .type = "xterm"})->coloured);
  EXPECT_TRUE(style_of("always", {.no_color = "1"})->coloured);
  EXPECT_FALSE(style_of("yes", terminal).has_value());
}

}  // namespace
}  // namespace nvhook
