// SPDX-License-Identifier: Apache-2.0
// Tests which word is taken for the one that was meant.
#include "text/nearest.hpp"

#include <gtest/gtest.h>

#include <string>

namespace nvhook {
namespace {

const std::vector<std::string_view> kKnown{"list", "inspect", "docker", "cdi"};

TEST(Nearest, IsTheWordWithATypingErrorOrTwo) {
  EXPECT_EQ(nearest("lst", kKnown), "list");
  EXPECT_EQ(nearest("dokcer", kKnown), "docker");
  EXPECT_EQ(nearest("inspcte", kKnown), "inspect");
  EXPECT_EQ(nearest("cid", kKnown), "cdi");
}

TEST(Nearest, IsNoneWhereAThirdOfTheLettersOrMoreIsWrong) {
  EXPECT_EQ(nearest("attach", kKnown), "");
  EXPECT_EQ(nearest("c", kKnown), "");
  EXPECT_EQ(nearest("", kKnown), "");
}

TEST(Nearest, TakesNoTimeForWhatNobodyTyped) {
  EXPECT_EQ(nearest(std::string(1'000'000, 'l'), kKnown), "");
}

}  // namespace
}  // namespace nvhook
