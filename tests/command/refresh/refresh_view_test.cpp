// SPDX-License-Identifier: Apache-2.0
// The lines and the exit status for what became of containers.
#include "command/refresh/refresh_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nvhook {
namespace {

using Result = Refreshed::Result;
using testing::HasSubstr;

Refreshed web(Result result) {
  return {.container = {.engine = "runc", .id = "web"},
          .result = result,
          .reason = "because",
          .has_driver = true,
          .devices = {"GPU 1 (GPU-a)"},
          .added = {"/new", "/dev/nvidia-uvm"},
          .removed = {"/old"},
          .allowed = {"c 510:0"},
          .denied = {"c 511:0"}};
}

std::string text_of(const Refreshed& one, bool is_dry_run = false) {
  return refreshed_text({one}, is_dry_run, Style());
}

TEST(RefreshView, SaysInOneLineWhatChanged) {
  EXPECT_EQ(text_of(web(Result::refreshed)),
            "container web (runc): refreshed: 2 mounts new, 1 of before gone, 1 devices allowed, 1 "
            "denied; it has GPU 1 (GPU-a)\n");
  EXPECT_EQ(text_of(web(Result::nothing_to_do)),
            "container web (runc): nothing to do: up to date with the driver of the host\n");
  EXPECT_EQ(text_of(web(Result::failed)), "container web (runc): because\n");
  EXPECT_EQ(refreshed_text({}, false, Style()), "no container with GPUs runs\n");
  Refreshed none = web(Result::nothing_to_do);
  none.has_driver = false;
  EXPECT_THAT(text_of(none), HasSubstr("nothing to do: it has nothing of the driver"));
}

TEST(RefreshView, ShowsEachStepOfADryRun) {
  EXPECT_THAT(text_of(web(Result::refreshed), true),
              HasSubstr("would be refreshed: 2 mounts new, 1 of before gone, 1 devices allowed, 1 "
                        "denied; it has GPU 1 (GPU-a)\n"
                        "  remove /old\n"
                        "  mount  /new\n"
                        "  mount  /dev/nvidia-uvm\n"
                        "  allow  c 510:0\n"
                        "  deny   c 511:0\n"));
}

TEST(RefreshView, NamesHoldersAndWarningsWithoutControlCharacters) {
  Refreshed one = web(Result::refreshed);
  one.holders = {{.pid = 7, .name = "a\x1b", .node = "/old\x1b"}};
  one.notes = {warning("left\x1b"), info("unseen")};
  EXPECT_THAT(text_of(one),
              HasSubstr("  process 7 (a\\x1b) has /old\\x1b open, and keeps that until it ends\n"
                        "  left\\x1b\n"));
  EXPECT_THAT(text_of(one), testing::Not(HasSubstr("unseen")));
}

TEST(RefreshView, TheWorstDecidesTheExitStatus) {
  Refreshed held = web(Result::refreshed);
  held.holders = {{.pid = 7}};
  Refreshed warned = web(Result::nothing_to_do);
  warned.notes = {warning("left")};
  const Refreshed good = web(Result::refreshed);
  EXPECT_EQ(outcome_of({}), Outcome::good);
  EXPECT_EQ(outcome_of({good}), Outcome::good);
  EXPECT_EQ(outcome_of({good, held}), Outcome::warning);
  EXPECT_EQ(outcome_of({warned, good}), Outcome::warning);
  EXPECT_EQ(outcome_of({held, web(Result::failed), good}), Outcome::broken);
}

}  // namespace
}  // namespace nvhook
