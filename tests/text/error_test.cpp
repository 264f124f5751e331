// SPDX-License-Identifier: Apache-2.0
// Tests the line that users see when something failed.
#include "text/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "text/text.hpp"

namespace nvhook {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(Error, CodeHasFourDigits) { EXPECT_EQ(to_string(Code::requirement_unsatisfied), "NVH-0302"); }

struct Status {
  const char* name;
  Code code;
  int status;
};
class ExitStatus : public ::testing::TestWithParam<Status> {};
TEST_P(ExitStatus, IsTheClassOfTheCode) {
  EXPECT_EQ(exit_status(GetParam().code), GetParam().status);
}
INSTANTIATE_TEST_SUITE_P(Classes, ExitStatus,
                         ::testing::Values(Status{"Input", Code::state_invalid, 11},
                                           Status{"Request", Code::unknown_device, 12},
                                           Status{"Requirement", Code::requirement_unknown, 13},
                                           Status{"Driver", Code::driver_not_loaded, 14},
                                           Status{"Container", Code::container_gone, 15},
                                           Status{"Permission", Code::cgroup_denied, 16},
                                           Status{"Internal", Code::internal, 19}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(ErrorLine, HasCodeMessageAndRemedy) {
  EXPECT_EQ(to_line(Error(Code::unknown_device, "`9`: unknown device", "ask for another")),
            "NVH-0202: `9`: unknown device. Try: ask for another.");
}

TEST(ErrorLine, LeavesOutAnEmptyRemedy) {
  EXPECT_EQ(to_line(Error(Code::internal, "broken")), "NVH-0901: broken.");
}

TEST(ErrorLine, IsOneLineWhateverTheImageSays) {
  const std::string line = to_line(Error(Code::internal, "a\nb\x1b[2J\xff", "c\nd"));
  EXPECT_EQ(line, "NVH-0901: a\\x0ab\\x1b[2J\\xff. Try: c\\x0ad.");
}

TEST(Error, MessageDoesNotEndAtANul) {
  const Error error(Code::internal, std::string("a\0b", 3), std::string("c\0d", 3));
  EXPECT_STREQ(error.what(), "a\\x00b");
  EXPECT_EQ(error.remedy(), "c\\x00d");
}

TEST(ErrorLine, CutsALongValueAndKeepsTheReasonAndTheRemedy) {
  const std::string message = "open `" + std::string(1 << 20, 'x') + "`: No such file or directory";
  const std::string line = to_line(Error(Code::internal, message, "help"));
  EXPECT_LE(line.size(), 4096U);
  EXPECT_THAT(line, StartsWith("NVH-0901: open `xxx"));
  EXPECT_THAT(line, HasSubstr("x…x"));
  EXPECT_THAT(line, EndsWith("x`: No such file or directory. Try: help."));
}

TEST(ErrorLine, StaysShortWithALongRemedy) {
  const std::string line =
      to_line(Error(Code::internal, std::string(9999, 'x'), std::string(9999, 'y')));
  EXPECT_LE(line.size(), 4096U);
  EXPECT_THAT(line, HasSubstr("x…x"));
  EXPECT_THAT(line, HasSubstr("x. Try: yyy"));
}

class CutInCharacters : public ::testing::TestWithParam<int> {};
TEST_P(CutInCharacters, LeavesValidUtf8) {
  std::string message(static_cast<std::size_t>(GetParam()), 'a');
  for (int i = 0; i < 2000; ++i) message += "\U0001F600";
  const std::string line = to_line(Error(Code::internal, message, "help"));
  EXPECT_LE(line.size(), 4096U);
  EXPECT_THAT(line, Not(HasSubstr("\\x")));
  EXPECT_EQ(printable(line), line);
}
INSTANTIATE_TEST_SUITE_P(Offsets, CutInCharacters, ::testing::Range(0, 4));

}  // namespace
}  // namespace nvhook
