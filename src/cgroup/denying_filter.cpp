// SPDX-License-Identifier: Apache-2.0
// The rules that grant stay first, so that what was granted later counts.
#include "cgroup/denying_filter.hpp"

#include <algorithm>
#include <iterator>

#include "cgroup/device_filter.hpp"
#include "cgroup/filter_verdict.hpp"
#include "cgroup/filter_writer.hpp"

namespace nvhook {
namespace {

/// Returns 0 for the character devices `devices`; falls through for all others, with r1 = context.
BpfProgram denying_prologue(const std::vector<DeviceNumber>& devices) {
  if (devices.empty()) return {};
  BpfProgram prologue = filter_head();
  for (const DeviceNumber& device : devices) {
    append_rule(prologue,
                {.type = BPF_DEVCG_DEV_CHAR, .major = device.major, .minor = device.minor},
                ResultWidth::wide, false);
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
