// SPDX-License-Identifier: Apache-2.0
// The instructions of a loaded device filter, also where the kernel hides them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cgroup/bpf_instruction.hpp"
#include "os/device_number.hpp"

namespace nvhook {

/// What a filter may be, for kernels that do not show it.
struct FilterGuesses {
  /// Returns the programs that may have been attached; called only if one is hidden. May be empty.
  std::function<std::vector<BpfProgram>()> programs = {};
  /// Devices that an earlier run of the hook may have granted in them: each a whole list. That
  /// earlier runs granted what this one does is always tried.
  std::vector<std::vector<DeviceNumber>> granted = {};
  /// What an error says if no guess is right.
  std::string none_is_right =
      "it is none that runc, crun or systemd makes of this container's config.json";
};

struct FilterReading {
  /// Exactly those that the program was loaded with; empty if they are not known.
  BpfProgram instructions = {};
  /// The kernel hid them, and one of the guesses was right.
  bool is_guessed = false;
  /// Why they are not known.
  std::string why_not = {};
};

/// Reads the instructions of the device filter `program`, in which a run of the hook may have
/// granted `devices`. With net.core.bpf_jit_harden = 2 the kernel shows blinded constants, or
/// nothing; a seccomp filter may refuse the question. Then each guess is loaded and its tag
/// compared with that of `program` (bpf::tag_of). A guess therefore never decides what is allowed:
/// a wrong one is not taken.
[[nodiscard]] FilterReading read_filter(int program, const FilterGuesses& guesses,
                                        const std::vector<DeviceNumber>& devices);

}  // namespace nvhook
