// SPDX-License-Identifier: Apache-2.0
// bpf(2) for cgroup device filters: query, load, attach, replace, pin.
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

/// The device filters that are attached to one cgroup.
class Attachments {
 public:
  static constexpr std::size_t kMax = 64;  // BPF_CGROUP_MAX_PROGS

  [[nodiscard]] std::span<const ProgramId> programs() const noexcept {
    return std::span(ids_).first(count_);
  }
  /// How they were attached: BPF_F_ALLOW_MULTI (all of them must agree), BPF_F_ALLOW_OVERRIDE, or
  /// 0.
  [[nodiscard]] std::uint32_t flags() const noexcept { return flags_; }
  /// Number of changes so far; 0 if the kernel does not count them (before 6.17).
  [[nodiscard]] std::uint64_t revision() const noexcept { return revision_; }

 private:
  friend std::optional<Attachments> attached_to(int cgroup) noexcept;

  std::array<ProgramId, kMax> ids_ = {};
  std::size_t count_ = 0;
  std::uint32_t flags_ = 0;
  std::uint64_t revision_ = 0;
};

/// Returns the filters that are attached to `cgroup` itself; nullopt, with errno, if the query
/// fails.
[[nodiscard]] std::optional<Attachments> attached_to(int cgroup) noexcept;

/// Returns how many filters decide for `cgroup`, those of its parents included; nullopt, with
/// errno, if the query fails.
[[nodiscard]] std::optional<std::size_t> count_effective(int cgroup) noexcept;

/// Empty, with errno, if there is no such program (ENOENT) or access to it is denied (EPERM).
[[nodiscard]] UniqueFd open_program(ProgramId id) noexcept;

/// Returns 0, which no program has, if the query fails.
[[nodiscard]] ProgramId id_of(int program) noexcept;

/// Returns the translated instructions of a loaded program: an empty vector if the kernel does not
/// show them, nullopt, with errno, if the query fails.
[[nodiscard]] std::optional<std::vector<BpfInstruction>> instructions_of(int program);

/// Whether a program has the name of those that load_device_filter() loads. Everybody can give it.
[[nodiscard]] bool has_our_name(int program) noexcept;

/// Returns the digest that the kernel has of the instructions that a program was loaded with, 16
/// hexadecimal digits: it shows it in /proc/self/fdinfo to everybody who holds the program, also
/// where it hides the instructions. Programs with the same tag have the same instructions but for
/// the numbers of maps. Empty if it cannot be read.
[[nodiscard]] std::string tag_of(int program);

struct Loaded {
  UniqueFd program = UniqueFd();
  /// Why `program` is empty: the errno text, and the last line of the verifier's log if there is
  /// one.
  std::string reason = {};
};

/// Loads a device filter. If the kernel refuses it (EPERM), raises RLIMIT_MEMLOCK and tries again
/// (before 5.11 programs counted as locked memory).
[[nodiscard]] Loaded load_device_filter(const std::vector<BpfInstruction>& instructions);

/// Returns the program that is pinned in the file of bpffs that `file` (O_PATH) is open on. Changes
/// the working directory to our own procfs. Empty, with errno, if that fails.
[[nodiscard]] UniqueFd open_pinned(int file) noexcept;

// Each returns 0 or an errno value.

/// Pins `program` as `name`, without a dot in it, in `directory` of a bpffs. Changes the working
/// directory to `directory`. EEXIST if there is such a file.
[[nodiscard]] int pin(int program, int directory, const char* name) noexcept;

/// Replaces `from`, attached to `cgroup` with `flags`, by `to`. At every moment at least one of
/// them is in force. ENOENT if `from` is not attached (any more), or if, without BPF_F_ALLOW_MULTI,
/// another process has attached a program meanwhile, which then stays.
[[nodiscard]] int replace(int cgroup, std::uint32_t flags, int from, int to) noexcept;

/// The same for a kernel without BPF_F_REPLACE (before 5.6), for BPF_F_ALLOW_MULTI only: attaches
/// `to`, which can only narrow the access, then detaches `from`.
[[nodiscard]] int replace_in_two_steps(int cgroup, std::uint32_t flags, int from, int to) noexcept;

}  // namespace nvhook::bpf
