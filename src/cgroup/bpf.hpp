// SPDX-License-Identifier: Apache-2.0
// bpf(2) for cgroup device filters: ask, load, attach, replace.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cgroup/device_filter.hpp"
#include "os/unique_fd.hpp"

namespace nvhook::bpf {

using ProgramId = std::uint32_t;

/// The device filters of one cgroup.
class Attachments {
 public:
  static constexpr std::size_t kMax = 64;  // BPF_CGROUP_MAX_PROGS

  [[nodiscard]] std::span<const ProgramId> programs() const noexcept {
    return std::span(ids_).first(count_);
  }
  /// BPF_F_ALLOW_MULTI (all of them must agree), BPF_F_ALLOW_OVERRIDE, or 0: how they were
  /// attached.
  [[nodiscard]] std::uint32_t flags() const noexcept { return flags_; }
  /// Counts the changes; 0 if the kernel does not (before 6.17).
  [[nodiscard]] std::uint64_t revision() const noexcept { return revision_; }

 private:
  friend std::optional<Attachments> attached_to(int cgroup) noexcept;

  std::array<ProgramId, kMax> ids_ = {};
  std::size_t count_ = 0;
  std::uint32_t flags_ = 0;
  std::uint64_t revision_ = 0;
};

/// The filters that are attached to `cgroup` itself; nothing, with errno, if the kernel does not
/// tell.
[[nodiscard]] std::optional<Attachments> attached_to(int cgroup) noexcept;

/// How many filters decide for `cgroup`, those of its parents included; nothing, with errno.
[[nodiscard]] std::optional<std::size_t> count_effective(int cgroup) noexcept;

/// Empty, with errno, if there is no such program (ENOENT) or it is not for us (EPERM).
[[nodiscard]] UniqueFd open_program(ProgramId id) noexcept;

/// 0, which no program has, if the kernel does not tell.
[[nodiscard]] ProgramId id_of(int program) noexcept;

/// The translated instructions of a loaded program. Empty if the kernel keeps them to itself;
/// nothing, with errno, if it cannot be asked.
[[nodiscard]] std::optional<std::vector<BpfInstruction>> instructions_of(int program);

struct Loaded {
  UniqueFd program = UniqueFd();
  /// Why `program` is empty: the errno text, and the verifier's last word if it said one.
  std::string reason = {};
};

/// Loads a device filter. RLIMIT_MEMLOCK is raised if the kernel seems to want it (before 5.11).
[[nodiscard]] Loaded load_device_filter(const std::vector<BpfInstruction>& instructions);

// Each returns 0 or an errno value.

/// `to` takes the place of `from`, attached to `cgroup` with `flags`: at no moment is there less
/// than one of them. ENOENT if `from` is not attached (any more), or if, without
/// BPF_F_ALLOW_MULTI, somebody else has attached a program meanwhile: that one stays.
[[nodiscard]] int replace(int cgroup, std::uint32_t flags, int from, int to) noexcept;

/// The same for a kernel without BPF_F_REPLACE (before 5.6), for BPF_F_ALLOW_MULTI only: attaches
/// `to`, which can only narrow, then detaches `from`.
[[nodiscard]] int replace_in_two_steps(int cgroup, std::uint32_t flags, int from, int to) noexcept;

}  // namespace nvhook::bpf
