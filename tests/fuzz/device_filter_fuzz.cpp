// SPDX-License-Identifier: Apache-2.0
// Fuzzes the device filter: the input is a list of devices to grant and the program to extend.
#include <linux/bpf.h>

#include <algorithm>
#include <cstring>

#include "cgroup/device_filter.hpp"
#include "fuzz/fuzz.hpp"
#include "os/device_number.hpp"
#include "support/bpf_machine.hpp"
#include "support/bpf_program.hpp"

namespace {

using namespace nvhook;
using test::BpfProgram;

class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : rest_(bytes) {}

  unsigned next() {
    if (rest_.empty()) return 0;
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }
  std::vector<DeviceNumber> devices() {
    std::vector<DeviceNumber> list(next() % 16);
    for (DeviceNumber& device : list) {
      device.major = next();
      device.minor = next();
    }
    return list;
  }
  BpfProgram instructions() {
    BpfProgram program(std::min<std::size_t>(rest_.size() / sizeof(BpfInstruction), 64));
    if (!program.empty()) {
      std::memcpy(program.data(), rest_.data(), program.size() * sizeof(BpfInstruction));
    }
    return program;
  }

 private:
  std::string_view rest_;
};

bool contains(const std::vector<DeviceNumber>& devices, DeviceNumber device) {
  return std::find(devices.begin(), devices.end(), device) != devices.end();
}

/// Compares the two programs for every access to every device of `asked`, and to one that is not
/// named anywhere.
void compare(const BpfProgram& before, const BpfProgram& after,
             const std::vector<DeviceNumber>& granted, std::vector<DeviceNumber> asked) {
  asked.push_back({7, 3});
  for (const DeviceNumber device : asked) {
    for (unsigned access = 1; access < 8; ++access) {
      for (const unsigned type : {BPF_DEVCG_DEV_BLOCK, BPF_DEVCG_DEV_CHAR}) {
        const bpf_cgroup_dev_ctx context{access << 16U | type, device.major, device.minor};
        const bool is_ours = type == BPF_DEVCG_DEV_CHAR && (access & BPF_DEVCG_ACC_MKNOD) == 0 &&
                             contains(granted, device);
        const auto expected = is_ours ? 1 : test::BpfMachine(context).run(before);
        fuzz::require(test::BpfMachine(context).run(after) == expected,
                      "what is granted is allowed, and all else is as before");
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes input(fuzz::text_of(data, size));
  const unsigned kind = input.next() % 4;
  const std::vector<DeviceNumber> first = input.devices();
  const std::vector<DeviceNumber> second = input.devices();
  const DeviceNumber allowed{input.next(), input.next()};
  const BpfProgram program = kind == 0   ? test::runtime_filter(allowed)
                             : kind == 1 ? test::constant_filter(0)
                             : kind == 2 ? test::constant_filter(1)
                                         : input.instructions();
  const BpfProgram once = prepend_device_rules(program, first);
  const BpfProgram twice = prepend_device_rules(once, second);
  fuzz::require(prepend_device_rules(twice, first) == twice,
                "rules that are there are not stacked");
  fuzz::require(reload_obstacle(once) == reload_obstacle(program), "our rules are no obstacle");
  std::vector<DeviceNumber> all = first;
  all.insert(all.end(), second.begin(), second.end());
  if (kind != 3) {
    fuzz::require(twice == prepend_device_rules(program, all),
                  "one after the other is both at once");
    std::vector<DeviceNumber> asked = all;
    asked.push_back(allowed);
    compare(program, twice, all, asked);
  }
  return 0;
}
