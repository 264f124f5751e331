// SPDX-License-Identifier: Apache-2.0
// Times as text.
#include "text/utc_time.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace nvhook {
namespace {

TEST(UtcTime, IsIso8601) {
  EXPECT_EQ(utc_time(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_time(1'000'000'000), "2001-09-09T01:46:40Z");
}

TEST(UtcTime, OfNoCalendarIsEmpty) {
  EXPECT_EQ(utc_time(std::numeric_limits<std::int64_t>::max()), "");
}

}  // namespace
}  // namespace nvhook
