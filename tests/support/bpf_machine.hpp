// SPDX-License-Identifier: Apache-2.0
// A small interpreter of device filters.
#pragma once

#include <linux/bpf.h>

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>

#include "support/bpf_program.hpp"

namespace nvhook::test {

/// Runs a program on `context` and returns its result; nullopt if it runs past its end. Knows the
/// instructions that device filters are made of. Throws on every other instruction, on a read of a
/// register that was not written, and if the pointer to the context is overwritten.
class BpfMachine {
 public:
  explicit BpfMachine(const bpf_cgroup_dev_ctx& context)
      : words_{context.access_type, context.major, context.minor} {
    written_.insert(BPF_REG_1);
  }

  std::optional<std::uint64_t> run(const BpfProgram& program) {
    for (std::size_t at = 0; at < program.size(); ++at) {
      const auto insn = std::bit_cast<bpf_insn>(program[at]);
      const auto immediate = static_cast<std::uint64_t>(std::int64_t{insn.imm});
      switch (insn.code) {
        case BPF_LDX | BPF_MEM | BPF_W:
          require(insn.src_reg == BPF_REG_1, "a load from elsewhere than the context");
          write(insn.dst_reg, words_.at(static_cast<std::size_t>(insn.off) / 4));
          break;
        case BPF_ALU64 | BPF_AND | BPF_K:
          write(insn.dst_reg, read(insn.dst_reg) & immediate);
          break;
        case BPF_ALU | BPF_AND | BPF_K:
          write(insn.dst_reg, static_cast<std::uint32_t>(read(insn.dst_reg) & immediate));
          break;
        case BPF_ALU | BPF_RSH | BPF_K:
          write(insn.dst_reg, static_cast<std::uint32_t>(read(insn.dst_reg)) >> (immediate & 31U));
          break;
        case BPF_ALU64 | BPF_MOV | BPF_K:
          write(insn.dst_reg, immediate);
          break;
        case BPF_JMP | BPF_JNE | BPF_K:
          if (read(insn.dst_reg) != immediate) at += static_cast<std::size_t>(insn.off);
          break;
        case BPF_JMP | BPF_EXIT:
          return read(BPF_REG_0);
        default:
          throw std::runtime_error("instruction " + std::to_string(at) + " has code " +
                                   std::to_string(insn.code));
      }
    }
    return std::nullopt;
  }

 private:
  static void require(bool condition, const char* fallback) {
    if (!condition) throw std::runtime_error(fallback);
  }
  std::uint64_t read(unsigned number) {
    require(written_.contains(number), "a register is read before it is written");
    return registers_.at(number);
  }
  void write(unsigned number, std::uint64_t value) {
    require(number != unsigned{BPF_REG_1}, "the context is lost to the program behind");
    written_.insert(number);
    registers_.at(number) = value;
  }

  std::array<std::uint32_t, 3> words_;
  std::array<std::uint64_t, 11> registers_ = {};
  std::set<unsigned> written_ = {};
};

}  // namespace nvhook::test
