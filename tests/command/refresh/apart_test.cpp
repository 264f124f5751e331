// SPDX-License-Identifier: Apache-2.0
// What a process of its own answers.
#include "command/refresh/apart.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>

#include "text/error.hpp"

namespace nvhook {
namespace {

TEST(RunApart, ReturnsTheNotes) {
  const Notes notes{warning("one\nline \xff"), info("two")};
  const Notes seen = run_apart([&] { return notes; });
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].level, Note::Level::warning);
  EXPECT_TRUE(seen[0].text.starts_with("one\nline "));
  EXPECT_EQ(seen[1], notes[1]);
}

TEST(RunApart, WorksInAnotherProcess) {
  bool is_here = false;
  EXPECT_EQ(run_apart([&] {
              is_here = true;
              return Notes{info(std::to_string(::getppid()))};
            }),
            Notes{info(std::to_string(::getpid()))});
  EXPECT_FALSE(is_here);
}

TEST(RunApart, ThrowsTheErrorOfTheOtherProcess) {
  try {
    static_cast<void>(
        run_apart([]() -> Notes { throw Error(Code::mount_failed, "mount it", "try this"); }));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::mount_failed);
    EXPECT_EQ(error.remedy(), "try this");
    EXPECT_THAT(error.what(), testing::HasSubstr("mount it"));
  }
}

TEST(RunApart, SaysSoIfThereIsNoAnswer) {
  EXPECT_THROW(static_cast<void>(run_apart([]() -> Notes {
                 static_cast<void>(::raise(SIGKILL));
                 return {};
               })),
               Error);
  EXPECT_THROW(static_cast<void>(run_apart([]() -> Notes { throw std::runtime_error("other"); })),
               Error);
}

}  // namespace
}  // namespace nvhook
