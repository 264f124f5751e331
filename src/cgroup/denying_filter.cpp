// SPDX-License-Identifier: Apache-2.0
// The rules that grant stay first, so that what was granted later counts.
#include "cgroup/denying_filter.hpp"

#include <linux/bpf.h>

#include <algorithm>

#include "cgroup/device_filter.hpp"
#include "cgroup/filter_verdict.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

constexpr std::uint32_t kTypeMask = 0xFFFF;  // of bpf_cgroup_dev_ctx::access_type
constexpr std::size_t kAfterJump = 2;        // instructions of the head behind its jump
constexpr std::size_t kRuleSize = 4;
constexpr std::size_t kMaxRules = 8000;  // the offset of a jump has 16 bits and a sign

BpfInstruction load_word(unsigned target, std::size_t offset) {
  return encode_bpf(BPF_LDX | BPF_MEM | BPF_W, target, BPF_REG_1, offset, 0);
}

BpfInstruction skip_unless_equal(unsigned target, std::uint32_t value, std::size_t skip) {
  return encode_bpf(BPF_JMP | BPF_JNE | BPF_K, target, 0, skip, value);
}

/// Returns 0 for the character devices `devices`; falls through for all others, with r1 = context.
BpfProgram denying_prologue(const std::vector<DeviceNumber>& devices) {
  if (devices.empty()) return {};
  if (devices.size() > kMaxRules) {
    throw Error(Code::device_filter_failed,
                "a device filter cannot have " + std::to_string(devices.size()) + " rules",
                "take back fewer devices at once");
  }
  BpfProgram prologue = {
      load_word(BPF_REG_2, offsetof(bpf_cgroup_dev_ctx, access_type)),
      encode_bpf(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, kTypeMask),
      skip_unless_equal(BPF_REG_2, BPF_DEVCG_DEV_CHAR, kAfterJump + devices.size() * kRuleSize),
      load_word(BPF_REG_3, offsetof(bpf_cgroup_dev_ctx, major)),
      load_word(BPF_REG_4, offsetof(bpf_cgroup_dev_ctx, minor))};
  for (const DeviceNumber& device : devices) {
    prologue.push_back(skip_unless_equal(BPF_REG_3, device.major, 3));
    prologue.push_back(skip_unless_equal(BPF_REG_4, device.minor, 2));
    prologue.push_back(encode_bpf(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0));
    prologue.push_back(encode_bpf(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
  }
  return prologue;
}

}  // namespace

BpfProgram deny_devices(const BpfProgram& program, const std::vector<DeviceNumber>& devices) {
  std::vector<DeviceNumber> granted = granted_by_prologue(program);
  const std::size_t own = device_filter_prologue(granted).size();
  const BpfProgram rest(program.begin() + static_cast<std::ptrdiff_t>(own), program.end());
  std::erase_if(granted, [&](const DeviceNumber& device) {
    return std::find(devices.begin(), devices.end(), device) != devices.end();
  });
  std::vector<DeviceNumber> open;
  std::copy_if(devices.begin(), devices.end(), std::back_inserter(open),
               [&](const DeviceNumber& device) { return lets_use(rest, device) != false; });
  BpfProgram denying = device_filter_prologue(granted);
  for (const BpfProgram& part : {denying_prologue(open), rest}) {
    denying.insert(denying.end(), part.begin(), part.end());
  }
  return denying;
}

}  // namespace nvhook
