// SPDX-License-Identifier: Apache-2.0
// eBPF device filters for tests: single instructions, and a filter as runtimes write it.
#pragma once

#include <linux/bpf.h>

#include <bit>
#include <cstdint>
#include <vector>

#include "cgroup/device_filter.hpp"
#include "os/device_number.hpp"

namespace nvhook::test {

using BpfProgram = std::vector<BpfInstruction>;

inline BpfInstruction bpf_instruction(unsigned code, unsigned target = 0, unsigned source = 0,
                                      int offset = 0, int immediate = 0) {
  bpf_insn insn{};
  insn.code = static_cast<__u8>(code);
  insn.dst_reg = target & 0xFU;
  insn.src_reg = source & 0xFU;
  insn.off = static_cast<__s16>(offset);
  insn.imm = immediate;
  return std::bit_cast<BpfInstruction>(insn);
}

inline BpfInstruction bpf_exit() { return bpf_instruction(BPF_JMP | BPF_EXIT); }

/// Returns a filter that returns `value` for everything.
inline BpfProgram constant_filter(int value) {
  return {bpf_instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, value), bpf_exit()};
}

/// Returns a filter as runc writes it: it loads type, access, major and minor into registers of
/// their own, grants any access to `allowed`, and denies everything else.
inline BpfProgram runtime_filter(DeviceNumber allowed) {
  return {
      bpf_instruction(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, 0),
      bpf_instruction(BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xFFFF),
      bpf_instruction(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_3, BPF_REG_1, 0),
      bpf_instruction(BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16),
      bpf_instruction(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1, 4),
      bpf_instruction(BPF_LDX | BPF_MEM | BPF_W, BPF_REG_5, BPF_REG_1, 8),
      bpf_instruction(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 4, BPF_DEVCG_DEV_CHAR),
      bpf_instruction(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_4, 0, 3, static_cast<int>(allowed.major)),
      bpf_instruction(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_5, 0, 2, static_cast<int>(allowed.minor)),
      bpf_instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1),
      bpf_exit(),
      bpf_instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
      bpf_exit()};
}

}  // namespace nvhook::test
