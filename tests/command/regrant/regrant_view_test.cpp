// SPDX-License-Identifier: Apache-2.0
// The lines and the exit status for what became of containers.
#include "command/regrant/regrant_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nvhook {
namespace {

using Result = Regrant::Result;
using testing::HasSubstr;

Regrant web(Result result) {
  return {.container = {.engine = "runc", .id = "web"},
          .result = result,
          .rules = {{.device = {195, 3}, .node = HostPath("/dev/nvidia3")}, {.device = {239, 1}}},
          .reason = "because"};
}

std::string line_of(const Regrant& one, Granting granting = Granting::done) {
  return regrants_text({one}, granting, Style());
}

TEST(RegrantView, NamesContainerResultAndDevices) {
  EXPECT_EQ(line_of(web(Result::granted)),
            "container web (runc): granted again /dev/nvidia3 (c 195:3), (c 239:1)\n");
  EXPECT_EQ(line_of(web(Result::granted), Granting::only_shown),
            "container web (runc): would be granted again /dev/nvidia3 (c 195:3), (c 239:1)\n");
  EXPECT_THAT(line_of(web(Result::told_to_systemd)), HasSubstr("systemd was told"));
  EXPECT_THAT(line_of(web(Result::nothing_to_do)), HasSubstr("nothing to do: it may use /dev/nv"));
  EXPECT_EQ(line_of(web(Result::left_alone)), "container web (runc): left alone: because\n");
  EXPECT_EQ(line_of(web(Result::failed)), "container web (runc): because\n");
  EXPECT_EQ(regrants_text({}, Granting::done, Style()), "no container runs\n");
}

TEST(RegrantView, ShowsNotesBelowAndNoControlCharacters) {
  Regrant one = web(Result::nothing_to_do);
  one.rules.clear();
  one.container.name = "a\x1b[2J";
  one.notes = {info("n\x1bote")};
  EXPECT_EQ(line_of(one),
            "container a\\x1b[2J (runc, web): nothing to do: the hook gives it no device rules\n"
            "  n\\x1bote\n");
}

Outcome outcome(const Regrant& one, Granting granting = Granting::done) {
  return outcome_of({one}, granting);
}

TEST(RegrantView, TheExitStatusSaysWhetherTheGpusCanBeUsed) {
  EXPECT_EQ(outcome(web(Result::granted)), Outcome::good);
  EXPECT_EQ(outcome(web(Result::granted), Granting::only_shown), Outcome::broken);
  EXPECT_EQ(outcome(web(Result::told_to_systemd)), Outcome::good);
  EXPECT_EQ(outcome(web(Result::told_to_systemd), Granting::only_shown), Outcome::warning);
  EXPECT_EQ(outcome(web(Result::nothing_to_do)), Outcome::good);
  EXPECT_EQ(outcome(web(Result::left_alone)), Outcome::good);
  EXPECT_EQ(outcome(web(Result::failed)), Outcome::broken);
  Regrant unknown = web(Result::left_alone);
  unknown.is_unknown = true;
  EXPECT_EQ(outcome(unknown), Outcome::warning);
  Regrant warned = web(Result::granted);
  warned.notes = {warning("systemd was not told")};
  EXPECT_EQ(outcome(warned), Outcome::warning);
}

TEST(RegrantView, TheWorstContainerDecides) {
  EXPECT_EQ(outcome_of({web(Result::failed), web(Result::granted)}, Granting::done),
            Outcome::broken);
  EXPECT_EQ(outcome_of({}, Granting::done), Outcome::good);
}

}  // namespace
}  // namespace nvhook
