// SPDX-License-Identifier: Apache-2.0
// The instructions that the device filters of runc, crun and systemd have in common.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "cgroup/bpf_instruction.hpp"

namespace nvhook {

/// All accesses: read, write, mknod.
inline constexpr std::uint32_t kAllAccess =
    BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;

/// What a rule asks of a request; nullopt asks nothing.
struct FilterMatch {
  std::optional<std::uint32_t> type = {};    ///< BPF_DEVCG_DEV_*
  std::optional<std::uint32_t> access = {};  ///< at most these bits BPF_DEVCG_ACC_*
  std::optional<std::uint32_t> major = {};
  std::optional<std::uint32_t> minor = {};
};

/// Returns the bits of the letters `r`, `w` and `m` in `access`; others count nothing.
[[nodiscard]] std::uint32_t access_bits(std::string_view access);

/// Returns nullopt for all accesses: then the filters do not look at the access.
[[nodiscard]] std::optional<std::uint32_t> access_to_match(std::uint32_t bits);

/// Returns instructions that load type, access, major and minor into r2 to r5.
[[nodiscard]] BpfProgram filter_head();

/// Appends the comparison of the access: it passes over the next `skip` instructions, too.
void append_access_check(BpfProgram& program, std::uint32_t access, std::size_t skip);
/// Appends a comparison of `reg` (BPF_REG_*) that passes over the next `skip` instructions.
void append_check(BpfProgram& program, unsigned reg, std::uint32_t value, std::size_t skip);

/// Width of the move that sets the result: runc writes 32 bits, crun and systemd 64.
enum class ResultWidth { narrow, wide };

/// Appends `return result`.
void append_return(BpfProgram& program, ResultWidth width, bool result);

/// Appends a rule as runc and crun write it: returns `result` for a request that `match` is true
/// of, and falls through for others.
void append_rule(BpfProgram& program, const FilterMatch& match, ResultWidth width, bool result);

}  // namespace nvhook
