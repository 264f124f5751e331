// SPDX-License-Identifier: Apache-2.0
// What a temporary name looks like, and what happens if it is taken.
#include "os/temporary_name.hpp"

#include <gmock/gmock.h>

#include <cerrno>
#include <set>
#include <string>

namespace nvhook {
namespace {

using ::testing::MatchesRegex;

TEST(TemporaryName, IsBesideTheNameAndNeverTheSameTwice) {
  std::set<std::string> names;
  for (int run = 0; run < 100; ++run) {
    const auto name = make_under_temporary_name("ld.so.cache", [](const char*) { return true; });
    ASSERT_TRUE(name);
    EXPECT_THAT(*name, MatchesRegex("\\.ld\\.so\\.cache\\.[0-9a-f]{16}"));
    names.insert(*name);
  }
  EXPECT_EQ(names.size(), 100U);
}

TEST(TemporaryName, ANameThatIsTakenIsLeftAloneAndAnotherOneIsTried) {
  std::set<std::string> tried;
  const auto name = make_under_temporary_name("x", [&](const char* one) {
    tried.insert(one);
    errno = EEXIST;
    return tried.size() == 3;
  });
  ASSERT_TRUE(name);
  EXPECT_EQ(tried.size(), 3U);
}

TEST(TemporaryName, AnotherFailureEndsIt) {
  int calls = 0;
  const auto name = make_under_temporary_name("x", [&](const char*) {
    ++calls;
    errno = EROFS;
    return false;
  });
  EXPECT_FALSE(name);
  EXPECT_EQ(errno, EROFS);
  EXPECT_EQ(calls, 1);
}

TEST(TemporaryName, FitsWhateverTheNamesLength) {
  const auto name =
      make_under_temporary_name(std::string(255, 'n'), [](const char*) { return true; });
  ASSERT_TRUE(name);
  EXPECT_LE(name->size(), 255U);
}

}  // namespace
}  // namespace nvhook
