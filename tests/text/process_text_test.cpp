// SPDX-License-Identifier: Apache-2.0
// Fields of /proc/<pid>/stat behind names that processes choose.
#include "text/process_text.hpp"

#include <gtest/gtest.h>

#include <string>

namespace nvhook {
namespace {

constexpr const char* kRest = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4242 20 21\n";

TEST(ProcessStart, IsTheTwentySecondField) {
  EXPECT_EQ(start_ticks(std::string("7 (sleep)") + kRest), 4242U);
}

TEST(ProcessStart, IsNotWhatTheNamePretends) {
  EXPECT_EQ(start_ticks(std::string("7 (a) S 1 1) x)") + kRest), 4242U);
}

TEST(ProcessStart, IsNoneWithoutAllFields) {
  for (const char* text : {"", "7", "7 (sleep)", "7 (sleep) S 1 2"}) {
    EXPECT_FALSE(start_ticks(text)) << text;
  }
}

}  // namespace
}  // namespace nvhook
