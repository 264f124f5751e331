// SPDX-License-Identifier: Apache-2.0
// The cgroup v2 device filter as a program: our rules before the existing instructions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"

namespace nvhook {

/// One eBPF instruction in the kernel's format (struct bpf_insn).
using BpfInstruction = std::uint64_t;

/// Returns instructions that return 1 for a request for a character device of `devices` whose
/// access is a subset of read and write (mknod is never granted). For all other requests they fall
/// through with r1 = context, as at the entry. Empty if there are no devices. The program that
/// follows must have been verified from its own entry: it may not rely on r2 to r5. Throws
/// Error(device_filter_failed) for more devices than a jump can skip.
[[nodiscard]] std::vector<BpfInstruction> device_filter_prologue(
    const std::vector<DeviceNumber>& devices);

/// Returns the devices that a prologue at the start of `program` grants; none if there is no
/// prologue.
[[nodiscard]] std::vector<DeviceNumber> granted_by_prologue(
    const std::vector<BpfInstruction>& program);

/// Returns `program` with the rules of `devices` before it. An existing prologue of ours is
/// replaced, not stacked: its rules are joined with `devices`, so that a second run of the hook
/// adds nothing. A prologue is recognised by all of its instructions, so whatever is taken for one
/// has the same meaning.
[[nodiscard]] std::vector<BpfInstruction> prepend_device_rules(
    const std::vector<BpfInstruction>& program, const std::vector<DeviceNumber>& devices);

/// Returns why the kernel would not load again the instructions that it shows of a loaded program,
/// or nullopt if it would. It shows calls, references to maps and blinded constants in a form that
/// it does not accept.
[[nodiscard]] std::optional<std::string> reload_obstacle(
    const std::vector<BpfInstruction>& program);

}  // namespace nvhook
