// SPDX-License-Identifier: Apache-2.0
// The device filters that runc and crun make of a config.json.
#pragma once

#include <vector>

#include "cgroup/bpf_instruction.hpp"
#include "cgroup/filter_rules.hpp"

namespace nvhook {

/// Returns each program that a known version of runc (1.0 to 1.4) or crun (1.0 to 1.28) makes of
/// `rules`, with exactly its instructions. A version that would refuse the rules has none. They are
/// guesses: which of them is attached to a container, if any, is for the caller to prove.
[[nodiscard]] std::vector<BpfProgram> runtime_filters(const FilterRules& rules);

}  // namespace nvhook
