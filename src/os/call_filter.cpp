// SPDX-License-Identifier: Apache-2.0
// The list of refused calls, and the BPF program made from it at compile time.
#include "os/call_filter.hpp"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <limits>
#include <stdexcept>

namespace nvhook {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "name the architecture of the seccomp filter"
#endif

// Missing in older kernel headers; from 424 on a call has the same number on all architectures.
constexpr int kProcessMadvise = 440;   // Linux 5.10
constexpr int kQuotactlFd = 443;       // 5.14
constexpr int kMemfdSecret = 447;      // 5.14
constexpr int kProcessMrelease = 448;  // 5.15
constexpr int kFchmodat2 = 452;        // 6.6
// On x86-64 the calls of the x32 ABI are numbered from here on.
constexpr std::uint32_t kX32 = 0x40000000;

// A list of refused calls, not of allowed ones: if a C library starts to use another call for the
// same purpose, containers must still start.
// clang-format off
constexpr std::array kNeverDone = {
    // programs, processes and threads
    SYS_execve, SYS_execveat, SYS_clone, SYS_clone3, SYS_unshare,
#ifdef SYS_fork
    SYS_fork, SYS_vfork, SYS_uselib,
#endif
    // other processes: their memory, descriptors and secrets, and signals to them
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_getfd, SYS_kcmp,
    kProcessMadvise, kProcessMrelease, SYS_migrate_pages, SYS_move_pages, SYS_userfaultfd,
    SYS_perf_event_open, SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo, SYS_pidfd_send_signal,
    // calls that the kernel makes for us
    SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_io_setup, SYS_io_submit,
    // requests to drivers; TIOCSTI would type into a terminal
    SYS_ioctl,
    // sockets that others connect to
    SYS_socketpair, SYS_bind, SYS_listen, SYS_accept, SYS_accept4,
    // the kernel and the machine
    SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_kexec_file_load,
    SYS_reboot, SYS_swapon, SYS_swapoff, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex,
    SYS_clock_adjtime, SYS_sethostname, SYS_setdomainname, SYS_acct, SYS_quotactl, kQuotactlFd,
    SYS_syslog, SYS_vhangup, SYS_personality,
#ifdef SYS_iopl
    SYS_iopl, SYS_ioperm, SYS_modify_ldt,
#endif
#ifdef SYS__sysctl
    SYS__sysctl,
#endif
    // other roots, files by handle, files without a name, and device nodes
    SYS_pivot_root, SYS_chroot, SYS_fspick, SYS_name_to_handle_at, SYS_open_by_handle_at,
    SYS_fanotify_init, SYS_fanotify_mark, SYS_memfd_create, kMemfdSecret, SYS_mknodat,
#ifdef SYS_mknod
    SYS_mknod,
#endif
    // keys
    SYS_add_key, SYS_request_key, SYS_keyctl,
};
// clang-format on

constexpr CallCondition is(unsigned argument, std::uint32_t value) {
  return {.argument = argument, .mask = ~0U, .value = value};
}

constexpr CallCondition has_none_of(unsigned argument, std::uint32_t bits) {
  return {.argument = argument, .mask = bits, .value = 0};
}

constexpr std::uint32_t kSetId = S_ISUID | S_ISGID;

constexpr std::array kDoneInOneWay = {
    CallRule{SYS_socket, is(0, AF_UNIX)},
    CallRule{SYS_setns, is(1, CLONE_NEWNS)},
    CallRule{SYS_prlimit64, is(0, 0)},  // this process
#ifdef SYS_chmod
    CallRule{SYS_chmod, has_none_of(1, kSetId)},
#endif
    CallRule{SYS_fchmod, has_none_of(1, kSetId)},
    CallRule{SYS_fchmodat, has_none_of(2, kSetId)},
    CallRule{kFchmodat2, has_none_of(2, kSetId)},
};

constexpr auto kRules = [] {
  std::array<CallRule, kNeverDone.size() + kDoneInOneWay.size()> rules{};
  std::size_t count = 0;
  for (const int call : kNeverDone) {
    rules.at(count++) = {.call = static_cast<std::uint32_t>(call)};
  }
  for (const CallRule& rule : kDoneInOneWay) rules.at(count++) = rule;
  std::sort(rules.begin(), rules.end(),
            [](const CallRule& a, const CallRule& b) { return a.call < b.call; });
  return rules;
}();

/// The calls from number `first` up to the next region.
struct Region {
  std::uint32_t first = 0;
  CallCondition allowed_if = kAlways;
};

/// Writes the filter. It finds the region of a call by binary search: the kernel runs a new filter
/// once for every existing call, and comparing with one call after the other would take many times
/// as long. All branches lead to the same two returns, because the kernel also translates each
/// instruction. All of this happens at compile time, where a throw is a compile error.
class FilterWriter {
 public:
  constexpr FilterWriter() {
    begin(0, kAlways);
    for (const CallRule& rule : kRules) {
      begin(rule.call, rule.allowed_if);
      begin(rule.call + 1, kAlways);
    }
    begin(kX32, kNever);
    add(load(offsetof(seccomp_data, arch)));
    branch(BPF_JEQ, kArchitecture, size_ + 1, kRefused);
    add(load(offsetof(seccomp_data, nr)));
    static_cast<void>(decide(0, regions_size_));
    finish();
  }

  [[nodiscard]] constexpr std::size_t size() const { return size_; }
  [[nodiscard]] constexpr sock_filter at(std::size_t index) const { return filter_.at(index); }

 private:
  static_assert(std::endian::native == std::endian::little);

  /// An instruction's number, or one of these two, whose numbers are known at the end.
  using Place = std::size_t;
  static constexpr Place kAllowed = std::numeric_limits<Place>::max();
  static constexpr Place kRefused = kAllowed - 1;

  struct Branch {
    Place at = 0;
    Place then = 0;
    Place otherwise = 0;
  };

  static constexpr sock_filter load(std::size_t offset) {
    return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
  }

  constexpr void add(sock_filter instruction) { filter_.at(size_++) = instruction; }

  constexpr void branch(unsigned comparison, std::uint32_t value, Place then, Place otherwise) {
    branches_.at(branches_size_++) = {.at = size_, .then = then, .otherwise = otherwise};
    add(BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | BPF_K | comparison), value, 0, 0));
  }

  /// Starts a region at `first`, unless the region before has the same condition.
  constexpr void begin(std::uint32_t first, const CallCondition& allowed_if) {
    if (regions_size_ > 0 && regions_.at(regions_size_ - 1).first == first) --regions_size_;
    if (regions_size_ > 0 && regions_.at(regions_size_ - 1).allowed_if == allowed_if) return;
    regions_.at(regions_size_++) = {.first = first, .allowed_if = allowed_if};
  }

  /// Writes the search among the regions from `first` up to `last`. Returns where it begins.
  constexpr Place decide(std::size_t first, std::size_t last) {
    if (last - first == 1) return judge(regions_.at(first).allowed_if);
    const std::size_t middle = first + (last - first) / 2;
    const Place start = size_;
    const std::size_t own = branches_size_;
    branch(BPF_JGE, regions_.at(middle).first, 0, 0);
    branches_.at(own).otherwise = decide(first, middle);
    branches_.at(own).then = decide(middle, last);
    return start;
  }

  constexpr Place judge(const CallCondition& allowed_if) {
    if (allowed_if == kAlways) return kAllowed;
    if (allowed_if == kNever) return kRefused;
    const Place start = size_;
    add(load(offsetof(seccomp_data, args) + allowed_if.argument * sizeof(seccomp_data::args[0])));
    add(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, allowed_if.mask));
    branch(BPF_JEQ, allowed_if.value, kAllowed, kRefused);
    return start;
  }

  /// Adds the returns, and the distances to jump.
  constexpr void finish() {
    const Place allowed = size_;
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const Place refused = size_;
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
    const auto distance = [&](Place from, Place to) {
      constexpr std::size_t kFarthest = std::numeric_limits<std::uint8_t>::max();
      if (to == kAllowed) to = allowed;
      if (to == kRefused) to = refused;
      if (to <= from || to - from - 1 > kFarthest) throw std::length_error("a jump is too far");
      return static_cast<std::uint8_t>(to - from - 1);
    };
    for (std::size_t i = 0; i < branches_size_; ++i) {
      const Branch& branch = branches_.at(i);
      filter_.at(branch.at).jt = distance(branch.at, branch.then);
      filter_.at(branch.at).jf = distance(branch.at, branch.otherwise);
    }
  }

  static constexpr std::size_t kMaxRegions = 2 * kRules.size() + 2;
  // One branch between two regions, one in each region at most, and one for the architecture.
  std::array<Branch, 2 * kMaxRegions> branches_ = {};
  std::size_t branches_size_ = 0;
  std::array<Region, kMaxRegions> regions_ = {};
  std::size_t regions_size_ = 0;
  std::array<sock_filter, 4 + 4 * kMaxRegions> filter_ = {};
  std::size_t size_ = 0;
};

constexpr FilterWriter kWriter;

constexpr auto kFilter = [] {
  std::array<sock_filter, kWriter.size()> filter{};
  std::size_t index = 0;
  for (sock_filter& instruction : filter) instruction = kWriter.at(index++);
  return filter;
}();

}  // namespace

std::span<const CallRule> call_rules() noexcept { return kRules; }

std::span<const sock_filter> call_filter() noexcept { return kFilter; }

}  // namespace nvhook
