// SPDX-License-Identifier: Apache-2.0
// Carries out the small part of eBPF that device filters consist of.
#include "cgroup/filter_verdict.hpp"

#include <linux/bpf.h>

#include <array>
#include <bit>
#include <cstring>

namespace nvhook {
namespace {

// Stands for the address of the context. Filters only copy it and load from it.
constexpr std::uint64_t kContext = 1ULL << 63U;
constexpr unsigned kRegisters = 11;

std::optional<std::uint64_t> calculate(unsigned operation, std::uint64_t left, std::uint64_t right,
                                       unsigned bits) {
  const std::uint64_t shift = right & (bits - 1U);
  switch (operation) {
    case BPF_ADD:
      return left + right;
    case BPF_SUB:
      return left - right;
    case BPF_OR:
      return left | right;
    case BPF_AND:
      return left & right;
    case BPF_XOR:
      return left ^ right;
    case BPF_LSH:
      return left << shift;
    case BPF_RSH:
      return left >> shift;
    case BPF_MOV:
      return right;
    default:
      return std::nullopt;
  }
}

std::optional<bool> compare(unsigned operation, std::uint64_t left, std::uint64_t right) {
  switch (operation) {
    case BPF_JA:
      return true;
    case BPF_JEQ:
      return left == right;
    case BPF_JNE:
      return left != right;
    case BPF_JGT:
      return left > right;
    case BPF_JGE:
      return left >= right;
    case BPF_JLT:
      return left < right;
    case BPF_JLE:
      return left <= right;
    case BPF_JSET:
      return (left & right) != 0;
    default:
      return std::nullopt;
  }
}

std::size_t bytes_of(unsigned code) {
  switch (BPF_SIZE(code)) {
    case BPF_B:
      return 1;
    case BPF_H:
      return 2;
    case BPF_W:
      return 4;
    default:
      return 8;
  }
}

class Machine {
 public:
  explicit Machine(const bpf_cgroup_dev_ctx& context)
      : context_(std::bit_cast<std::array<char, sizeof context>>(context)) {
    registers_[BPF_REG_1] = kContext;
  }

  /// Each step goes forward, so this ends.
  std::optional<bool> run(const std::vector<BpfInstruction>& program) {
    for (std::size_t at = 0; at < program.size();) {
      const auto instruction = std::bit_cast<bpf_insn>(program[at]);
      if (instruction.code == (BPF_JMP | BPF_EXIT)) return registers_[BPF_REG_0] != 0;
      if (instruction.dst_reg >= kRegisters || instruction.src_reg >= kRegisters) break;
      const auto skipped = step(instruction);
      if (!skipped) break;
      at += 1 + *skipped;
    }
    return std::nullopt;
  }

 private:
  /// Returns how many instructions are passed over; nullopt for an unknown one.
  std::optional<std::size_t> step(const bpf_insn& instruction) {
    switch (BPF_CLASS(instruction.code)) {
      case BPF_LDX:
        return load(instruction) ? std::optional<std::size_t>(0) : std::nullopt;
      case BPF_ALU:
      case BPF_ALU64:
        return alter(instruction) ? std::optional<std::size_t>(0) : std::nullopt;
      case BPF_JMP:
      case BPF_JMP32:
        return jump(instruction);
      default:
        return std::nullopt;
    }
  }

  bool load(const bpf_insn& instruction) {
    const std::size_t size = bytes_of(instruction.code);
    const auto offset = static_cast<std::size_t>(instruction.off);
    if (BPF_MODE(instruction.code) != BPF_MEM || registers_[instruction.src_reg] != kContext ||
        instruction.off < 0 || offset + size > sizeof context_) {
      return false;
    }
    // Little-endian, as all machines with the driver are.
    std::uint64_t value = 0;
    std::memcpy(&value, &context_[offset], size);
    registers_[instruction.dst_reg] = value;
    return true;
  }

  [[nodiscard]] std::uint64_t operand(const bpf_insn& instruction) const {
    return BPF_SRC(instruction.code) == BPF_X
               ? registers_[instruction.src_reg]
               : static_cast<std::uint64_t>(std::int64_t{instruction.imm});
  }

  bool alter(const bpf_insn& instruction) {
    const bool is_wide = BPF_CLASS(instruction.code) == BPF_ALU64;
    std::uint64_t left = registers_[instruction.dst_reg];
    std::uint64_t right = operand(instruction);
    if (instruction.off != 0) return false;  // a move with sign extension
    if (!is_wide) {
      left = static_cast<std::uint32_t>(left);
      right = static_cast<std::uint32_t>(right);
    }
    const auto result = calculate(BPF_OP(instruction.code), left, right, is_wide ? 64 : 32);
    if (!result) return false;
    registers_[instruction.dst_reg] = is_wide ? *result : static_cast<std::uint32_t>(*result);
    return true;
  }

  [[nodiscard]] std::optional<std::size_t> jump(const bpf_insn& instruction) const {
    if (instruction.off < 0) return std::nullopt;
    std::uint64_t left = registers_[instruction.dst_reg];
    std::uint64_t right = operand(instruction);
    if (BPF_CLASS(instruction.code) == BPF_JMP32) {
      if (BPF_OP(instruction.code) == BPF_JA) return std::nullopt;  // has its offset elsewhere
      left = static_cast<std::uint32_t>(left);
      right = static_cast<std::uint32_t>(right);
    }
    const auto holds = compare(BPF_OP(instruction.code), left, right);
    if (!holds) return std::nullopt;
    return *holds ? static_cast<std::size_t>(instruction.off) : 0;
  }

  std::array<char, sizeof(bpf_cgroup_dev_ctx)> context_;
  std::array<std::uint64_t, kRegisters> registers_ = {};
};

}  // namespace

std::optional<bool> lets_use(const std::vector<BpfInstruction>& program, DeviceNumber device) {
  constexpr std::uint32_t kReadWrite = (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE) << 16U;
  return Machine({.access_type = kReadWrite | BPF_DEVCG_DEV_CHAR,
                  .major = device.major,
                  .minor = device.minor})
      .run(program);
}

}  // namespace nvhook
