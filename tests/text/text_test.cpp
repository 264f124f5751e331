// SPDX-License-Identifier: Apache-2.0
// Tests the string functions on valid, odd and hostile bytes.
#include "text/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/json_extent.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(Trim, TakesSpaceFromBothEndsOnly) { EXPECT_EQ(trim(" \t\r\na b\n "), "a b"); }

TEST(Trim, LeavesNothingOfSpaceAlone) { EXPECT_EQ(trim(" \t\r\n"), ""); }

TEST(Split, KeepsEmptyPieces) {
  EXPECT_THAT(split(",a,,b,", ','), ElementsAre("", "a", "", "b", ""));
}

TEST(Split, GivesOneEmptyPieceForAnEmptyText) { EXPECT_THAT(split("", ','), ElementsAre("")); }

TEST(SplitList, TrimsItemsAndDropsEmptyOnes) {
  EXPECT_THAT(split_list(" a ,, b\t, ", ','), ElementsAre("a", "b"));
}

TEST(SplitList, IsEmptyForSeparatorsAlone) {
  EXPECT_THAT(split_list(std::string(1'000'000, ','), ','), IsEmpty());
}

TEST(Join, PutsTheSeparatorBetweenPiecesOnly) { EXPECT_EQ(join({"a", "", "b"}, ", "), "a, , b"); }

TEST(Join, OfNothingIsEmpty) { EXPECT_EQ(join({}, ","), ""); }

TEST(ParseUnsigned, ReadsTheWholeRange) {
  EXPECT_EQ(parse_unsigned("18446744073709551615"), 18446744073709551615U);
}

TEST(ParseUnsigned, ReadsAnotherBase) { EXPECT_EQ(parse_unsigned("fF", 16), 255U); }

class NotUnsigned : public ::testing::TestWithParam<const char*> {};
TEST_P(NotUnsigned, IsNothing) { EXPECT_EQ(parse_unsigned(GetParam()), std::nullopt); }
INSTANTIATE_TEST_SUITE_P(Texts, NotUnsigned,
                         ::testing::Values("", "-1", "+1", " 1", "1 ", "12x", "0x10", "1.0",
                                           "18446744073709551616"));

TEST(EqualsIgnoringCase, RegardsAsciiLettersOnly) {
  EXPECT_TRUE(equals_ignoring_case("TeSLA", "tesla"));
  EXPECT_FALSE(equals_ignoring_case("[", "{"));
}

TEST(EqualsIgnoringCase, NeedsTheSameLength) { EXPECT_FALSE(equals_ignoring_case("all", "allx")); }

TEST(StartsWithIgnoringCase, TakesAPrefixInAnyCase) {
  EXPECT_TRUE(starts_with_ignoring_case("mig-gpu", "MIG-"));
}

TEST(StartsWithIgnoringCase, RefusesATextShorterThanThePrefix) {
  EXPECT_FALSE(starts_with_ignoring_case("MI", "MIG-"));
}

struct Shown {
  const char* name;
  std::string_view text;
  std::string_view shown;
};
class Printable : public ::testing::TestWithParam<Shown> {};
TEST_P(Printable, IsShownSafely) { EXPECT_EQ(printable(GetParam().text), GetParam().shown); }
TEST(PrintableText, EscapesWhatCannotBeSeenOrTurnsTheLine) {
  EXPECT_EQ(printable("a\u202Eb\u200Bc\u2028d\uFEFF"),
            R"(a\xe2\x80\xaeb\xe2\x80\x8bc\xe2\x80\xa8d\xef\xbb\xbf)");
  EXPECT_EQ(printable("gr\u00FCn \u6F22"), "gr\u00FCn \u6F22");
}

INSTANTIATE_TEST_SUITE_P(
    Texts, Printable,
    ::testing::Values(
        Shown{"Ascii", "a b~", "a b~"}, Shown{"Backslash", "a\\n", "a\\n"},
        Shown{"LineEnd", "a\nb", "a\\x0ab"}, Shown{"Escape", "\x1b[31m", "\\x1b[31m"},
        Shown{"Delete", "\x7f", "\\x7f"}, Shown{"Nul", std::string_view("\0", 1), "\\x00"},
        Shown{"TwoBytes", "\u00e4", "\u00e4"}, Shown{"ThreeBytes", "…", "…"},
        Shown{"FourBytes", "\U0001F600", "\U0001F600"},
        Shown{"C1Control", "\xc2\x9b", "\\xc2\\x9b"},
        Shown{"RightToLeftMark", "a\u200f", "a\\xe2\\x80\\x8f"},
        Shown{"LineSeparator", "\u2028", "\\xe2\\x80\\xa8"},
        Shown{"NoWidth", "\u200b\ufeff", "\\xe2\\x80\\x8b\\xef\\xbb\\xbf"},
        Shown{"ArabicMark", "\u061c", "\\xd8\\x9c"}, Shown{"Hyphen", "\u2010", "\u2010"},
        Shown{"LoneContinuation", "\x80", "\\x80"},
        Shown{"OverlongSlash", "\xc0\xaf", "\\xc0\\xaf"},
        Shown{"OverlongThreeBytes", "\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
        Shown{"OverlongFourBytes", "\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"},
        Shown{"Surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80"},
        Shown{"BeyondUnicode", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
        Shown{"CutAtTheEnd", "a\xe2\x82", "a\\xe2\\x82"}, Shown{"NotUtf8", "\xff", "\\xff"}),
    [](const auto& row) { return std::string(row.param.name); });

struct Cleaned {
  const char* name;
  const char* path;
  const char* cleaned;
};
class CleanPath : public ::testing::TestWithParam<Cleaned> {};
TEST_P(CleanPath, IsWhatGoMakesOfIt) { EXPECT_EQ(clean_path(GetParam().path), GetParam().cleaned); }
INSTANTIATE_TEST_SUITE_P(Paths, CleanPath,
                         ::testing::Values(Cleaned{"Clean", "/a/b", "/a/b"},
                                           Cleaned{"Empty", "", "."}, Cleaned{"Root", "/", "/"},
                                           Cleaned{"ManySlashes", "//a///b//", "/a/b"},
                                           Cleaned{"Dots", "/./a/./b/.", "/a/b"},
                                           Cleaned{"DotDot", "/a/../b", "/b"},
                                           Cleaned{"DotDotToRoot", "/a/..", "/"},
                                           Cleaned{"DotDotAboveRoot", "/../../a", "/a"},
                                           Cleaned{"Relative", "a/./b/", "a/b"},
                                           Cleaned{"RelativeToNothing", "a/..", "."},
                                           Cleaned{"RelativeUpwards", "a/../../../b", "../../b"},
                                           Cleaned{"NameOfThreeDots", "/a/...", "/a/..."}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(FirstJsonObject, EndsWhereItsBracketCloses) {
  const auto extent = first_json_object(" \n{\"a\":[{}]}{\"b\":1}");
  ASSERT_TRUE(extent);
  EXPECT_EQ(extent->object, "{\"a\":[{}]}");
  EXPECT_EQ(extent->rest, "{\"b\":1}");
  EXPECT_EQ(extent->depth, 3U);
}

TEST(FirstJsonObject, DoesNotCountBracketsInStrings) {
  const auto extent = first_json_object(R"({"a}":"\"[[{\\"})");
  ASSERT_TRUE(extent);
  EXPECT_EQ(extent->rest, "");
  EXPECT_EQ(extent->depth, 1U);
}

TEST(FirstJsonObject, HasItsMembersThatAreObjectsOrLists) {
  const auto extent = first_json_object(R"({"a":"b","c" : {"d":[1]},"e":1,"f":["]"],"g":[]})");
  ASSERT_TRUE(extent);
  std::vector<std::pair<std::string_view, std::string_view>> members;
  for (const JsonMember& member : extent->members) members.emplace_back(member.name, member.value);
  EXPECT_THAT(members,
              ElementsAre(Pair("c", R"({"d":[1]})"), Pair("f", R"(["]"])"), Pair("g", "[]")));
}

class NoJsonObject : public ::testing::TestWithParam<const char*> {};
TEST_P(NoJsonObject, IsNothing) { EXPECT_FALSE(first_json_object(GetParam())); }
INSTANTIATE_TEST_SUITE_P(Texts, NoJsonObject,
                         ::testing::Values("", " ", "[]", "1", "x{}", "{", "{\"a\":[}", "{\"}",
                                           "{\"\\", "\xef\xbb\xbf{}"));

TEST(ShellWord, IsTakenAsItIs) {
  EXPECT_EQ(shell_word("/etc/a-b_c.json"), "/etc/a-b_c.json");
  EXPECT_EQ(shell_word("a b"), "'a b'");
  EXPECT_EQ(shell_word("$(x)'y"), "'$(x)'\\''y'");
  EXPECT_EQ(shell_word(""), "''");
}

}  // namespace
}  // namespace nvhook
