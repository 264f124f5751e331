// SPDX-License-Identifier: Apache-2.0
// Texts of /proc, with names that imitate what follows them.
#include "command/containers/process_facts.hpp"

#include <gtest/gtest.h>

namespace nvhook {
namespace {

std::string stat(const std::string& name, const std::string& state = "S",
                 const std::string& flags = "4194304") {
  return "7 (" + name + ") " + state + " 1 7 7 0 -1 " + flags +
         " 1 2 3 4 5 6 7 8 20 0 2 0 12345 9 9\n";
}

TEST(StatLine, IsReadBehindAnyName) {
  for (const std::string name : {"sleep", "a) R 1 (b", "a\nb", "", ")", "\x1b[2J"}) {
    EXPECT_EQ(parse_stat(stat(name)), (StatLine{.name = name, .threads = 2, .start_ticks = 12345}))
        << name;
  }
}

TEST(StatLine, TellsZombiesAndKernelThreads) {
  EXPECT_TRUE(parse_stat(stat("a", "Z"))->is_dead);
  EXPECT_TRUE(parse_stat(stat("kworker", "I", "69238880"))->is_kernel_thread);
}

TEST(StatLine, IsNothingElse) {
  for (const char* text :
       {"", "7", "7 (a", "7 (a) S 1", ")(", "7 (a) SS 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"}) {
    EXPECT_EQ(parse_stat(text), std::nullopt) << text;
  }
}

TEST(StatusUid, IsTheRealOne) {
  EXPECT_EQ(parse_status_uid("Name:\ta\nUid:\t1000\t0\t0\t0\nGid:\t7\t7\t7\t7\n"), 1000U);
  EXPECT_EQ(parse_status_uid("Name:\tUid:\t5\n"), std::nullopt);
}

TEST(LoginUid, IsAbsentIfNobodyLoggedIn) {
  EXPECT_EQ(parse_login_uid("1000"), 1000U);
  EXPECT_EQ(parse_login_uid("4294967295"), std::nullopt);
  EXPECT_EQ(parse_login_uid(""), std::nullopt);
}

TEST(UserName, IsTheNumberIfThereIsNone) {
  const std::string passwd = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n:x:7:";
  EXPECT_EQ(user_name(passwd, 1000), "ann");
  EXPECT_EQ(user_name(passwd, 7), "7");
  EXPECT_EQ(user_name(passwd, 100000), "100000");
}

TEST(BootTime, IsBeforeNow) {
  EXPECT_DOUBLE_EQ(boot_time("100.50 1.00\n", 1000), 899.5);
  EXPECT_DOUBLE_EQ(boot_time("", 1000), 1000);
}

}  // namespace
}  // namespace nvhook
