// SPDX-License-Identifier: Apache-2.0
// The cgroup v2 device filter as a program: our rules in front of the program that is there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"

namespace nvhook {

/// One eBPF instruction, as the kernel takes and gives it (struct bpf_insn).
using BpfInstruction = std::uint64_t;

/// Instructions that return 1 for a request for character device `d` of `devices` whose access is a
/// subset of read and write (mknod is never granted), and otherwise fall through with r1 = context
/// as at the entry. Nothing for no devices. The program that follows must be one that was verified
/// from its own entry: it may not rely on r2–r5. Throws Error(device_filter_failed) for more
/// devices than a jump can pass over.
[[nodiscard]] std::vector<BpfInstruction> device_filter_prologue(
    const std::vector<DeviceNumber>& devices);

/// The devices that a prologue at the start of `program` grants; none if there is no prologue.
[[nodiscard]] std::vector<DeviceNumber> granted_by_prologue(
    const std::vector<BpfInstruction>& program);

/// `program` with the rules of `devices` in front. A prologue of ours that is already there is
/// replaced, not stacked: the rules it grants are kept and joined with `devices`, so that a second
/// run of the hook adds nothing. A prologue is known by its instructions alone, all of them, so
/// whatever is taken for one means the same as one.
[[nodiscard]] std::vector<BpfInstruction> prepend_device_rules(
    const std::vector<BpfInstruction>& program, const std::vector<DeviceNumber>& devices);

/// Why the kernel would not load again what it shows of a loaded program; nothing if it would. The
/// kernel shows calls, references to maps and blinded constants in a form that it does not take.
[[nodiscard]] std::optional<std::string> reload_obstacle(
    const std::vector<BpfInstruction>& program);

}  // namespace nvhook
