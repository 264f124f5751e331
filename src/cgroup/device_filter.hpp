// SPDX-License-Identifier: Apache-2.0
// The cgroup v2 device filter as a program: our rules before the existing instructions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cgroup/bpf_instruction.hpp"
#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"

namespace nvhook {

/// Returns instructions that return 1 for a request for a character device of `devices` whose
/// access is a subset of read and write (mknod is never granted). For all other requests they fall
/// through with r1 = context, as at the entry. Empty if there are no devices. The program that
/// follows must have been verified from its own entry: it may not rely on r2 to r5. Throws
/// Error(device_filter_failed) for more devices than a jump can skip.
[[nodiscard]] BpfProgram device_filter_prologue(const std::vector<DeviceNumber>& devices);

/// Returns the devices that a prologue at the start of `program` grants; none if there is no
/// prologue.
[[nodiscard]] std::vector<DeviceNumber> granted_by_prologue(const BpfProgram& program);

/// Returns `program` with the rules of `devices` before it. An existing prologue of ours is
/// replaced, not stacked: its rules are joined with `devices`, so that a second run of the hook
/// adds nothing. A prologue is recognised by all of its instructions, so whatever is taken for one
/// has the same meaning.
[[nodiscard]] BpfProgram prepend_device_rules(const BpfProgram& program,
                                              const std::vector<DeviceNumber>& devices);

/// Whether the kernel shows `program` with blinded constants (net.core.bpf_jit_harden = 2): each is
/// put together in a register that no program may name.
[[nodiscard]] bool has_blinded_constants(const BpfProgram& program);

/// Returns why the kernel would not load again the instructions that it shows of a loaded program,
/// or nullopt if it would. It shows calls, references to maps and blinded constants in a form that
/// it does not accept.
[[nodiscard]] std::optional<std::string> reload_obstacle(const BpfProgram& program);

}  // namespace nvhook
