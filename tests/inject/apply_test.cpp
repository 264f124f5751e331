// SPDX-License-Identifier: Apache-2.0
// The order of the phases of apply, and that each failure ends in exactly one roll-back.
#include "inject/apply.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/recording_kernel.hpp"

namespace nvhook {
namespace {

using ::testing::ElementsAre;

Plan small_plan() {
  return {.tmpfs = {{.target = ContainerPath("/proc/driver/nvidia")}},
          .mounts = {{.target = ContainerPath("/usr/lib/libcuda.so.1")},
                     {.target = ContainerPath("/dev/nvidia0")}},
          .symlinks = {{.link = ContainerPath("/usr/lib/libcuda.so")}},
          .loader_entries = {{.soname = "libcuda.so.1"}},
          .device_rules = {{.device = {195, 0}}}};
}

TEST(Apply, PreparesAllSourcesThenResolvesAllTargetsThenAttachesAndGrantsLast) {
  RecordingKernel kernel;
  apply(small_plan(), kernel);
  EXPECT_THAT(
      kernel.calls,
      ElementsAre("prepare /proc/driver/nvidia", "prepare /usr/lib/libcuda.so.1",
                  "prepare /dev/nvidia0", "prepare 1 rules", "enter", "resolve /proc/driver/nvidia",
                  "resolve /usr/lib/libcuda.so.1", "resolve /dev/nvidia0",
                  "resolve /usr/lib/libcuda.so", "resolve cache", "attach /proc/driver/nvidia",
                  "attach /usr/lib/libcuda.so.1", "attach /dev/nvidia0", "link /usr/lib/libcuda.so",
                  "cache 1", "verify", "allow devices", "replace files", "commit"));
}

TEST(Apply, PreparesWhatCoversAFileBeforeItEnters) {
  RecordingKernel kernel;
  apply({.symlinks = {{.link = ContainerPath("/l"), .target = "t", .cover = BindMount()},
                      {.link = ContainerPath("/m"), .target = "t"}},
         .rules_of_runtime = {{.device = {195, 0}}}},
        kernel);
  EXPECT_THAT(kernel.calls,
              ElementsAre("prepare to cover /l", "prepare 0 rules", "prepare to tell 1 rules",
                          "enter", "resolve /l", "resolve /m", "link /l", "link /m", "verify",
                          "allow devices", "replace files", "commit"));
}

TEST(Apply, LeavesTheLoaderCacheAloneWithoutLibraries) {
  Plan plan = small_plan();
  plan.loader_entries.clear();
  RecordingKernel kernel;
  apply(plan, kernel);
  EXPECT_THAT(kernel.calls, ::testing::Not(::testing::Contains("cache 0")));
}

TEST(Apply, TakesStaleLibrariesOutOfTheCacheInOneStepWithNewOnes) {
  const auto steps_of = [](const Plan& plan) {
    RecordingKernel kernel;
    apply(plan, kernel);
    return kernel.calls;
  };
  Plan plan{.loader_entries = {{.soname = "libcuda.so.1"}},
            .stale_loader_entries = {{.soname = "libold.so.1"}, {.soname = "libolder.so.1"}}};
  EXPECT_THAT(steps_of(plan), ::testing::Contains("cache 1 without 2"));
  EXPECT_THAT(steps_of(plan), ::testing::Not(::testing::Contains("cache without 2")));
  plan.loader_entries.clear();
  EXPECT_THAT(steps_of(plan), ::testing::Contains("cache without 2"));
}

TEST(Apply, PreparesToDenyBeforeItPreparesToGrantBecauseItDoesSo) {
  const DeviceRule same{.device = {195, 0}};
  const DeviceRule old{.device = {511, 0}};
  RecordingKernel kernel;
  apply({.device_rules = {same, {.device = {510, 0}}},
         .granted_rules = {same, old},
         .withdrawn_rules = {old}},
        kernel);
  EXPECT_THAT(kernel.calls,
              ElementsAre("prepare to deny 1 rules of 2", "prepare 2 rules", "enter",
                          "deny devices", "verify", "allow devices", "replace files", "commit"));
}

TEST(Apply, FailureOfAnyCallRollsBackOnceAndPassesTheErrorOn) {
  RecordingKernel all;
  apply(small_plan(), all);
  const std::size_t calls = all.calls.size() - 1;  // without commit
  for (std::size_t k = 0; k < calls; ++k) {
    RecordingKernel kernel(k);
    EXPECT_THROW(apply(small_plan(), kernel), Error) << k;
    ASSERT_EQ(kernel.calls.size(), k + 1) << "nothing may follow the failed call";
    EXPECT_EQ(kernel.calls.back(), "roll back");
  }
}

}  // namespace
}  // namespace nvhook
