// SPDX-License-Identifier: Apache-2.0
// Encodes, recognises and merges the prologue of a device filter.
#include "cgroup/device_filter.hpp"

#include <linux/bpf.h>

#include <algorithm>
#include <cstddef>
#include <set>

#include "text/error.hpp"

namespace nvhook {
namespace {

// if (!(character device && access within read|write)) goto end;  r3 = major; r4 = minor
constexpr std::size_t kHeadSize = 5;
constexpr std::size_t kHeadJump = 2;  // index of that jump in the head
// if (r3 == major && r4 == minor) return 1
constexpr std::size_t kRuleSize = 4;
// The offset of a jump has 16 bits and a sign.
constexpr std::size_t kMaxRules = 8000;
// The access bits of bpf_cgroup_dev_ctx::access_type, above the type.
constexpr std::uint32_t kReadWrite = (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE) << 16U;

BpfInstruction load_word(unsigned target, std::size_t offset) {
  return encode_bpf(BPF_LDX | BPF_MEM | BPF_W, target, BPF_REG_1, offset, 0);
}

BpfInstruction skip_unless_equal(unsigned target, std::uint32_t value, std::size_t skip) {
  return encode_bpf(BPF_JMP | BPF_JNE | BPF_K, target, 0, skip, value);
}

}  // namespace

BpfProgram device_filter_prologue(const std::vector<DeviceNumber>& devices) {
  const std::set<DeviceNumber> sorted(devices.begin(), devices.end());
  if (sorted.empty()) return {};
  if (sorted.size() > kMaxRules) {
    throw Error(Code::device_filter_failed,
                "a device filter cannot have " + std::to_string(sorted.size()) + " rules",
                "give the container fewer devices");
  }
  const std::size_t rules = sorted.size() * kRuleSize;
  BpfProgram prologue = {
      load_word(BPF_REG_2, offsetof(bpf_cgroup_dev_ctx, access_type)),
      // The type remains alone only if no other access bit is requested.
      encode_bpf(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, ~kReadWrite),
      skip_unless_equal(BPF_REG_2, BPF_DEVCG_DEV_CHAR, kHeadSize - kHeadJump - 1 + rules),
      load_word(BPF_REG_3, offsetof(bpf_cgroup_dev_ctx, major)),
      load_word(BPF_REG_4, offsetof(bpf_cgroup_dev_ctx, minor))};
  prologue.reserve(kHeadSize + rules);
  for (const DeviceNumber& device : sorted) {
    prologue.push_back(skip_unless_equal(BPF_REG_3, device.major, 3));
    prologue.push_back(skip_unless_equal(BPF_REG_4, device.minor, 2));
    prologue.push_back(encode_bpf(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1));
    prologue.push_back(encode_bpf(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
  }
  return prologue;
}

std::vector<DeviceNumber> granted_by_prologue(const BpfProgram& program) {
  if (program.size() < kHeadSize) return {};
  const auto passed_over =
      static_cast<std::size_t>(std::max<int>(decode_bpf(program[kHeadJump]).off, 0));
  const std::size_t size = kHeadJump + 1 + passed_over;
  if (size < kHeadSize || size > program.size()) return {};
  std::vector<DeviceNumber> devices;
  for (std::size_t at = kHeadSize; at + kRuleSize <= size; at += kRuleSize) {
    devices.push_back({.major = static_cast<unsigned>(decode_bpf(program[at]).imm),
                       .minor = static_cast<unsigned>(decode_bpf(program[at + 1]).imm)});
  }
  const BpfProgram prologue = device_filter_prologue(devices);
  const bool same =
      prologue.size() == size && std::equal(prologue.begin(), prologue.end(), program.begin());
  return same ? devices : std::vector<DeviceNumber>();
}

BpfProgram prepend_device_rules(const BpfProgram& program,
                                const std::vector<DeviceNumber>& devices) {
  std::vector<DeviceNumber> all = granted_by_prologue(program);
  const std::size_t old_size = all.empty() ? 0 : kHeadSize + all.size() * kRuleSize;
  all.insert(all.end(), devices.begin(), devices.end());
  BpfProgram merged = device_filter_prologue(all);
  merged.insert(merged.end(), program.begin() + static_cast<std::ptrdiff_t>(old_size),
                program.end());
  return merged;
}

namespace {

bool is_wide(const bpf_insn& instruction) {
  return instruction.code == (BPF_LD | BPF_IMM | BPF_DW);
}

}  // namespace

bool has_blinded_constants(const BpfProgram& program) {
  for (std::size_t at = 0; at < program.size(); ++at) {
    const bpf_insn instruction = decode_bpf(program[at]);
    if (instruction.dst_reg > BPF_REG_10) return true;
    if (!is_wide(instruction) && instruction.src_reg > BPF_REG_10) return true;
    if (is_wide(instruction)) ++at;  // the second half is not an instruction
  }
  return false;
}

std::optional<std::string> reload_obstacle(const BpfProgram& program) {
  if (has_blinded_constants(program)) {
    return "its constants are blinded (net.core.bpf_jit_harden)";
  }
  for (std::size_t at = 0; at < program.size(); ++at) {
    const bpf_insn instruction = decode_bpf(program[at]);
    // Includes the form with a register, whose code differs in one bit.
    const bool is_call = (instruction.code & ~unsigned{BPF_X}) == (BPF_JMP | BPF_CALL);
    if (is_wide(instruction) && instruction.src_reg != 0) return "it refers to a map";
    if (is_call) return "it calls a function";
    if (is_wide(instruction)) ++at;
  }
  return std::nullopt;
}

}  // namespace nvhook
