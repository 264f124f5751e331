// SPDX-License-Identifier: Apache-2.0
// Tests that versions compare as in libnvidia-container.
#include "text/version.hpp"

#include <gtest/gtest.h>

#include <string>

namespace nvhook {
namespace {

struct Pair {
  const char* name;
  const char* left;
  const char* right;
};
std::string name_of(const ::testing::TestParamInfo<Pair>& row) { return row.param.name; }

class EqualVersions : public ::testing::TestWithParam<Pair> {};
TEST_P(EqualVersions, CompareEqual) {
  EXPECT_EQ(Version::parse(GetParam().left), Version::parse(GetParam().right));
}
INSTANTIATE_TEST_SUITE_P(Pairs, EqualVersions,
                         ::testing::Values(Pair{"TrailingZero", "12", "12.0"},
                                           Pair{"TwoTrailingZeros", "12.0.0", "12"},
                                           Pair{"LeadingZeroOfANumber", "550.54.05", "550.54.5"},
                                           Pair{"RunOfDots", "12..4", "12.4"},
                                           Pair{"TrailingDot", "12.", "12"},
                                           Pair{"Zero", "0", "0.0"}),
                         name_of);

class OrderedVersions : public ::testing::TestWithParam<Pair> {};
TEST_P(OrderedVersions, CompareLess) {
  EXPECT_LT(Version::parse(GetParam().left), Version::parse(GetParam().right));
}
INSTANTIATE_TEST_SUITE_P(Pairs, OrderedVersions,
                         ::testing::Values(Pair{"NumbersNotLetters", "9.2", "10.0"},
                                           Pair{"LongerIsGreater", "470", "470.57"},
                                           Pair{"SecondNumber", "550.54.15", "550.163.01"},
                                           Pair{"InnerZeroCounts", "12.0.1", "12.1"},
                                           Pair{"ZeroIsLeast", "0", "0.1"}),
                         name_of);

class NoVersion : public ::testing::TestWithParam<const char*> {};
TEST_P(NoVersion, IsNothing) { EXPECT_EQ(Version::parse(GetParam()), std::nullopt); }
INSTANTIATE_TEST_SUITE_P(Texts, NoVersion,
                         ::testing::Values("", ".", ".1", "12.x", "v12", "12 ", " 12", "-1", "+1",
                                           "12.4-rc1", "18446744073709551616"));

TEST(Version, KeepsItsSpelling) { EXPECT_EQ(Version::parse("535.104.05")->str(), "535.104.05"); }

TEST(Version, HasItsFirstNumberAsMajor) { EXPECT_EQ(Version::parse("535.104.05")->major(), 535U); }

TEST(Version, IsZeroByDefault) { EXPECT_EQ(Version().major(), 0U); }

}  // namespace
}  // namespace nvhook
