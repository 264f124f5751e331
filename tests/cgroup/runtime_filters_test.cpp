// SPDX-License-Identifier: Apache-2.0
// What runc and crun decide by rules of config.json. That the instructions are theirs is for
// tests/engine/test_hidden_filter.py, which asks real ones.
#include "cgroup/runtime_filters.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cgroup/filter_verdict.hpp"
#include "cgroup/filter_writer.hpp"
#include "os/device_number.hpp"

namespace nvhook {
namespace {

using ::testing::Each;
using ::testing::SizeIs;

constexpr DeviceNumber kGpu{.major = 195, .minor = 0};
constexpr DeviceNumber kFuse{.major = 10, .minor = 229};
const FilterRule kDenyAll{.access = "rwm"};
const FilterRule kAllowAll{.access = "rwm", .allow = true};

FilterRule allowed(std::int64_t major, std::int64_t minor, const char* access = "rw") {
  return {.type = "c", .major = major, .minor = minor, .access = access, .allow = true};
}

FilterRule denied(std::int64_t major, std::int64_t minor, const char* access = "rw") {
  return {.type = "c", .major = major, .minor = minor, .access = access};
}

/// What each known version decides, older and newer ones.
std::vector<bool> verdicts(std::vector<FilterRule> rules, DeviceNumber device) {
  std::vector<bool> found;
  for (const BpfProgram& program : runtime_filters({.rules = std::move(rules)})) {
    found.push_back(lets_use(program, device).value());
  }
  return found;
}

TEST(RuntimeFilters, DenyWhatNoRuleAllows) {
  EXPECT_THAT(verdicts({kDenyAll}, kGpu), Each(false));
  EXPECT_THAT(verdicts({}, kGpu), Each(false));
}

TEST(RuntimeFilters, AllowTheDefaultDevices) {
  for (const unsigned minor : {3U, 5U, 7U, 8U, 9U}) {
    EXPECT_THAT(verdicts({kDenyAll}, {.major = 1, .minor = minor}), Each(true)) << minor;
  }
}

TEST(RuntimeFilters, FollowTheLastRuleThatMatches) {
  EXPECT_THAT(verdicts({kDenyAll, allowed(195, 0)}, kGpu), Each(true));
  EXPECT_THAT(verdicts({kDenyAll, allowed(195, 0)}, kFuse), Each(false));
  EXPECT_THAT(verdicts({kDenyAll, allowed(195, 0), denied(195, 0)}, kGpu), Each(false));
  EXPECT_THAT(verdicts({allowed(195, 0), kDenyAll}, kGpu), Each(false));
  EXPECT_THAT(verdicts({kAllowAll}, kGpu), Each(true));
  EXPECT_THAT(verdicts({kAllowAll, denied(195, FilterRule::kAny)}, kGpu), Each(false));
  EXPECT_THAT(verdicts({kAllowAll, denied(195, FilterRule::kAny)}, kFuse), Each(true));
}

TEST(RuntimeFilters, DoNotTakeReadingAndMakingForWriting) {
  EXPECT_THAT(verdicts({kDenyAll, allowed(195, 0, "rm")}, kGpu), Each(false));
}

TEST(RuntimeFilters, AreNoneOfRuncForRulesThatItRefuses) {
  const auto all = runtime_filters({.rules = {kDenyAll}});
  // Two of runc, four of crun.
  EXPECT_THAT(all, SizeIs(6));
  for (const FilterRule& rule :
       {FilterRule{.type = "x", .access = "r"}, FilterRule{.type = "c", .access = ""}}) {
    EXPECT_THAT(runtime_filters({.rules = {rule}}), SizeIs(4));
  }
  // A hole in a wider rule.
  EXPECT_THAT(runtime_filters({.rules = {allowed(195, FilterRule::kAny), denied(195, 0)}}),
              SizeIs(4));
}

TEST(AccessBits, CountTheLettersThatTheKernelKnows) {
  EXPECT_EQ(access_bits("rwm"), kAllAccess);
  EXPECT_EQ(access_bits("rr"), BPF_DEVCG_ACC_READ);
  EXPECT_EQ(access_bits("x"), 0U);
  EXPECT_EQ(access_to_match(kAllAccess), std::nullopt);
}

}  // namespace
}  // namespace nvhook
