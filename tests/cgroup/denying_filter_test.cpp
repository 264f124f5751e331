// SPDX-License-Identifier: Apache-2.0
// Devices taken back from filters of ours and from filters that grant them by themselves.
#include "cgroup/denying_filter.hpp"

#include <gtest/gtest.h>

#include "cgroup/device_filter.hpp"
#include "cgroup/filter_verdict.hpp"

namespace nvhook {
namespace {

constexpr DeviceNumber kGpu{.major = 195, .minor = 1};
constexpr DeviceNumber kOther{.major = 195, .minor = 2};
constexpr DeviceNumber kControl{.major = 195, .minor = 255};

/// r0 = verdict; exit
BpfProgram always(unsigned verdict) {
  return {encode_bpf(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, verdict),
          encode_bpf(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)};
}

TEST(DenyingFilter, TakesBackWhatOursGranted) {
  const BpfProgram granting = prepend_device_rules(always(0), {kGpu, kOther, kControl});
  const BpfProgram denying = deny_devices(granting, {kGpu});
  EXPECT_EQ(denying, prepend_device_rules(always(0), {kOther, kControl}));
  EXPECT_EQ(lets_use(denying, kGpu), false);
  EXPECT_EQ(lets_use(denying, kOther), true);
}

TEST(DenyingFilter, DeniesWhatTheRestWouldGrant) {
  const BpfProgram denying = deny_devices(prepend_device_rules(always(1), {kGpu}), {kGpu});
  EXPECT_EQ(lets_use(denying, kGpu), false);
  EXPECT_EQ(lets_use(denying, kOther), true);
}

TEST(DenyingFilter, ASecondTimeChangesNothing) {
  for (const unsigned verdict : {0U, 1U}) {
    const BpfProgram once = deny_devices(prepend_device_rules(always(verdict), {kGpu}), {kGpu});
    EXPECT_EQ(deny_devices(once, {kGpu}), once) << verdict;
  }
}

TEST(DenyingFilter, WhatIsGrantedLaterCounts) {
  const BpfProgram denying = deny_devices(always(1), {kGpu, kOther});
  const BpfProgram again = prepend_device_rules(denying, {kGpu});
  EXPECT_EQ(lets_use(again, kGpu), true);
  EXPECT_EQ(lets_use(again, kOther), false);
}

TEST(DenyingFilter, AllOfOursMayGo) {
  EXPECT_EQ(deny_devices(prepend_device_rules(always(0), {kGpu}), {kGpu}), always(0));
}

}  // namespace
}  // namespace nvhook
