// SPDX-License-Identifier: Apache-2.0
// What filters as runtimes, systemd and the hook write them decide; the kernel decides the same.
#include "cgroup/filter_verdict.hpp"

#include <gtest/gtest.h>

#include "support/restricted_cgroup.hpp"

namespace nvhook {
namespace {

using namespace test;

constexpr DeviceNumber kGpu{.major = 195, .minor = 3};
constexpr DeviceNumber kOther{.major = 195, .minor = 4};

TEST(LetsUse, FollowsARuntimesFilterAndTheRulesOfTheHook) {
  const BpfProgram filter = runtime_filter(kGpu);
  EXPECT_EQ(lets_use(filter, kGpu), true);
  EXPECT_EQ(lets_use(filter, kOther), false);
  const BpfProgram extended = prepend_device_rules(filter, {kOther});
  EXPECT_EQ(lets_use(extended, kGpu), true);
  EXPECT_EQ(lets_use(extended, kOther), true);
  EXPECT_EQ(lets_use(extended, {195, 5}), false);
  EXPECT_EQ(lets_use(constant_filter(1), kGpu), true);
  EXPECT_EQ(lets_use(constant_filter(0), kGpu), false);
}

/// As systemd writes it: one rule, for `access`, whose jumps compare registers.
BpfProgram systemds_filter(int access) {
  return {bpf_instruction(BPF_LDX | BPF_MEM | BPF_H, BPF_REG_2, BPF_REG_1, 0),
          bpf_instruction(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_3, BPF_REG_1, 0),
          bpf_instruction(BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16),
          bpf_instruction(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1, 4),
          bpf_instruction(BPF_ALU | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_3),
          bpf_instruction(BPF_ALU | BPF_AND | BPF_K, BPF_REG_1, 0, 0, access),
          bpf_instruction(BPF_JMP | BPF_JNE | BPF_X, BPF_REG_1, BPF_REG_3, 3),
          bpf_instruction(BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_4, 0, 1, 195),
          bpf_instruction(BPF_JMP | BPF_JA, 0, 0, 1),
          bpf_instruction(BPF_JMP | BPF_JA, 0, 0, 2),
          bpf_instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
          bpf_exit(),
          bpf_instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1),
          bpf_exit()};
}

TEST(LetsUse, NeedsBothReadingAndWriting) {
  EXPECT_EQ(lets_use(systemds_filter(BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE), kGpu), true);
  EXPECT_EQ(lets_use(systemds_filter(BPF_DEVCG_ACC_READ), kGpu), false);
  EXPECT_EQ(lets_use(systemds_filter(7), {1, 3}), false);
}

TEST(LetsUse, SaysNothingOfWhatItDoesNotKnow) {
  const BpfInstruction call = bpf_instruction(BPF_JMP | BPF_CALL, 0, 0, 0, 1);
  const BpfInstruction back = bpf_instruction(BPF_JMP | BPF_JA, 0, 0, -1);
  const BpfInstruction map = bpf_instruction(BPF_LD | BPF_IMM | BPF_DW, BPF_REG_2, 1);
  const BpfInstruction bad_register = bpf_instruction(BPF_ALU64 | BPF_MOV | BPF_K, 12);
  const BpfInstruction outside =
      bpf_instruction(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, 12);
  const BpfInstruction elsewhere =
      bpf_instruction(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_0, 0);
  const BpfInstruction far = bpf_instruction(BPF_JMP | BPF_JA, 0, 0, 100);
  for (const BpfInstruction one : {call, back, map, bad_register, outside, elsewhere, far}) {
    EXPECT_EQ(lets_use({one, bpf_exit()}, kGpu), std::nullopt) << std::hex << one;
  }
  EXPECT_EQ(lets_use({}, kGpu), std::nullopt);
}

TEST(LetsUse, DecidesAsTheKernelDoes) {
  in_private_namespaces([] {
    const TestCgroup cgroup(Scratch().v2());
    const BpfProgram filter = prepend_device_rules(runtime_filter(kNull), {kRandom});
    attach_filter(cgroup, filter);
    for (const DeviceNumber device : {kNull, kRandom, kUrandom}) {
      EXPECT_EQ(lets_use(filter, device), open_in(cgroup, device, O_RDWR) == 0)
          << to_string(device);
    }
  });
}

}  // namespace
}  // namespace nvhook
