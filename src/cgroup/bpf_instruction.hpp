// SPDX-License-Identifier: Apache-2.0
// One eBPF instruction in the kernel's format, put together and taken apart.
#pragma once

#include <linux/bpf.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace nvhook {

/// Has the bytes of a struct bpf_insn.
using BpfInstruction = std::uint64_t;
using BpfProgram = std::vector<BpfInstruction>;

static_assert(sizeof(bpf_insn) == sizeof(BpfInstruction));

/// `offset` is at most 32767.
[[nodiscard]] inline BpfInstruction encode_bpf(unsigned code, unsigned target, unsigned source,
                                               std::size_t offset, std::uint32_t immediate) {
  bpf_insn instruction{};
  instruction.code = static_cast<__u8>(code);
  instruction.dst_reg = target & 0xFU;
  instruction.src_reg = source & 0xFU;
  instruction.off = static_cast<__s16>(offset);
  instruction.imm = static_cast<__s32>(immediate);
  return std::bit_cast<BpfInstruction>(instruction);
}

[[nodiscard]] inline bpf_insn decode_bpf(BpfInstruction instruction) {
  return std::bit_cast<bpf_insn>(instruction);
}

}  // namespace nvhook
