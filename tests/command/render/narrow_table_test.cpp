// SPDX-License-Identifier: Apache-2.0
// Which cells are cut, and where.
#include "command/render/narrow_table.hpp"

#include <gtest/gtest.h>

namespace nvhook {
namespace {

std::string shown(const Table& table, std::size_t width) {
  return to_text(narrowed(table, width), Style());
}

TEST(NarrowTable, CutsTheWidestColumnAlone) {
  const Table table{.head = {"A", "B"}, .rows = {{{"0123456789"}, {"12345678"}}}};
  EXPECT_EQ(shown(table, 0), "A           B\n0123456789  12345678\n");
  EXPECT_EQ(shown(table, 20), shown(table, 0));
  EXPECT_EQ(shown(table, 19), "A          B\n01234567…  12345678\n");
  EXPECT_EQ(shown(table, 1), "A        B\n012345…  123456…\n");
}

TEST(NarrowTable, KeepsTheEndOfAPath) {
  EXPECT_EQ(shown({.rows = {{{"/aaaa/bbbb/ccc"}}}}, 9), "…bbbb/ccc\n");
}

TEST(NarrowTable, CountsCharactersAndEscapes) {
  EXPECT_EQ(shown({.rows = {{{"äöüäöüäöü"}}}}, 8), "äöüäöüä…\n");
  EXPECT_EQ(shown({.rows = {{{"\x1b\x1b\x1b"}}}}, 8), "\\x1b\\x1…\n");
}

TEST(NarrowTable, LeavesOutWholeColumnsTheLeastImportantFirst) {
  const Table table{.head = {"A", "B", "C"}, .rows = {{{"1"}, {"22222"}, {"333"}}, {{"only"}}}};
  const auto fits = [&](std::size_t width) { return fitted(table, {"C", "X", "B"}, width); };
  EXPECT_EQ(fits(0).left_out.size(), 0U);
  EXPECT_EQ(fits(16).left_out.size(), 0U);
  EXPECT_EQ(to_text(fits(15).table, Style()), "A     B\n1     22222\nonly\n");
  EXPECT_EQ(fits(15).left_out, (std::vector<std::string>{"C"}));
  EXPECT_EQ(to_text(fits(5).table, Style()), "A\n1\nonly\n");
  EXPECT_EQ(fits(5).left_out, (std::vector<std::string>{"B", "C"}));
}

}  // namespace
}  // namespace nvhook
