// SPDX-License-Identifier: Apache-2.0
// The registers and the order of comparisons are those that systemd chose and the others took over.
#include "cgroup/filter_writer.hpp"

#include <cstddef>

namespace nvhook {
namespace {

constexpr std::size_t kAccessSize = 3;  // instructions of an access check
constexpr std::size_t kReturnSize = 2;

}  // namespace

std::uint32_t access_bits(std::string_view access) {
  std::uint32_t bits = 0;
  for (const char letter : access) {
    if (letter == 'r') bits |= BPF_DEVCG_ACC_READ;
    if (letter == 'w') bits |= BPF_DEVCG_ACC_WRITE;
    if (letter == 'm') bits |= BPF_DEVCG_ACC_MKNOD;
  }
  return bits;
}

std::optional<std::uint32_t> access_to_match(std::uint32_t bits) {
  return bits == kAllAccess ? std::nullopt : std::optional(bits);
}

BpfProgram filter_head() {
  const auto load = [](unsigned target, std::size_t offset) {
    return encode_bpf(BPF_LDX | BPF_MEM | BPF_W, target, BPF_REG_1, offset, 0);
  };
  return {load(BPF_REG_2, offsetof(bpf_cgroup_dev_ctx, access_type)),
          encode_bpf(BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xFFFF),
          load(BPF_REG_3, offsetof(bpf_cgroup_dev_ctx, access_type)),
          encode_bpf(BPF_ALU | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16),
          load(BPF_REG_4, offsetof(bpf_cgroup_dev_ctx, major)),
          load(BPF_REG_5, offsetof(bpf_cgroup_dev_ctx, minor))};
}

void append_access_check(BpfProgram& program, std::uint32_t access, std::size_t skip) {
  program.push_back(encode_bpf(BPF_ALU | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_3, 0, 0));
  program.push_back(encode_bpf(BPF_ALU | BPF_AND | BPF_K, BPF_REG_1, 0, 0, access));
  program.push_back(encode_bpf(BPF_JMP | BPF_JNE | BPF_X, BPF_REG_1, BPF_REG_3, skip, 0));
}

void append_check(BpfProgram& program, unsigned reg, std::uint32_t value, std::size_t skip) {
  program.push_back(encode_bpf(BPF_JMP | BPF_JNE | BPF_K, reg, 0, skip, value));
}

void append_return(BpfProgram& program, ResultWidth width, bool result) {
  const unsigned size = width == ResultWidth::wide ? BPF_ALU64 : BPF_ALU;
  program.push_back(encode_bpf(size | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, result ? 1 : 0));
  program.push_back(encode_bpf(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

void append_rule(BpfProgram& program, const FilterMatch& match, ResultWidth width, bool result) {
  std::size_t left = (match.type ? 1U : 0U) + (match.access ? kAccessSize : 0U) +
                     (match.major ? 1U : 0U) + (match.minor ? 1U : 0U) + kReturnSize;
  if (match.type) append_check(program, BPF_REG_2, *match.type, left -= 1);
  if (match.access) append_access_check(program, *match.access, left -= kAccessSize);
  if (match.major) append_check(program, BPF_REG_4, *match.major, left -= 1);
  if (match.minor) append_check(program, BPF_REG_5, *match.minor, left - 1);
  append_return(program, width, result);
}

}  // namespace nvhook
