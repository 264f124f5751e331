// SPDX-License-Identifier: Apache-2.0
// Capabilities, no_new_privs, and a seccomp filter.
#include "system/confinement.hpp"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "core/error.hpp"
#include "system/syscalls.hpp"

namespace nvhook {
namespace {

// Of newer kernel headers.
constexpr unsigned kCapBpf = 39;

constexpr const char* kRemedy =
    "start the hook as runtimes do, without a seccomp filter of another program around it";

constexpr std::uint64_t set_of(std::initializer_list<unsigned> capabilities) {
  std::uint64_t set = 0;
  for (const unsigned capability : capabilities) set |= std::uint64_t{1} << capability;
  return set;
}

// setns and mounts; root of another user's tree; files, owners and modes in the container; device
// filters, which kernels before 5.8 count as networking and before 5.11 as locked memory.
constexpr std::uint64_t kForContainer =
    set_of({CAP_SYS_ADMIN, CAP_SYS_CHROOT, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER,
            CAP_CHOWN, CAP_SETUID, CAP_SETGID, CAP_NET_ADMIN, CAP_SYS_RESOURCE, kCapBpf});
// The namespaces of another user's process; device nodes of the host; an end to the probe.
constexpr std::uint64_t kForHost = kForContainer | set_of({CAP_SYS_PTRACE, CAP_MKNOD, CAP_KILL});

struct Capabilities {
  std::uint64_t effective = 0;
  std::uint64_t permitted = 0;
};

using Words = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

__user_cap_header_struct this_process() {
  return {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
}

Capabilities current_capabilities() {
  __user_cap_header_struct header = this_process();
  Words words{};
  if (::syscall(SYS_capget, &header, words.data()) != 0) {
    throw_errno(Code::internal, "read the capabilities of the hook", kRemedy);
  }
  constexpr unsigned kHigh = 32;
  return {.effective = words[0].effective | std::uint64_t{words[1].effective} << kHigh,
          .permitted = words[0].permitted | std::uint64_t{words[1].permitted} << kHigh};
}

/// Nothing is ever added, and nothing is inherited by a program that is executed.
void keep_only(std::uint64_t set) {
  const Capabilities now = current_capabilities();
  constexpr unsigned kHigh = 32;
  const auto low = [](std::uint64_t value) { return static_cast<std::uint32_t>(value); };
  const auto high = [](std::uint64_t value) { return static_cast<std::uint32_t>(value >> kHigh); };
  __user_cap_header_struct header = this_process();
  const Words words{
      __user_cap_data_struct{.effective = low(now.effective & set),
                             .permitted = low(now.permitted & set),
                             .inheritable = 0},
      __user_cap_data_struct{.effective = high(now.effective & set),
                             .permitted = high(now.permitted & set),
                             .inheritable = 0},
  };
  if (::syscall(SYS_capset, &header, words.data()) != 0) {
    throw_errno(Code::internal, "give up capabilities", kRemedy);
  }
}

// ---- what the kernel is to refuse

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "name the architecture of the seccomp filter"
#endif

// clang-format off
constexpr std::array kRefused = {
    // programs and processes
    SYS_execve, SYS_execveat, SYS_clone, SYS_clone3, SYS_unshare,
#ifdef SYS_fork
    SYS_fork, SYS_vfork,
#endif
    // other processes
    SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_getfd, SYS_userfaultfd,
    // the kernel and the machine
    SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_kexec_file_load,
    SYS_reboot, SYS_swapon, SYS_swapoff, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex,
    SYS_sethostname, SYS_setdomainname, SYS_perf_event_open, SYS_acct, SYS_quotactl,
#ifdef SYS_iopl
    SYS_iopl, SYS_ioperm,
#endif
    // other roots, files by handle, and device nodes
    SYS_pivot_root, SYS_chroot, SYS_open_by_handle_at, SYS_mknodat,
#ifdef SYS_mknod
    SYS_mknod,
#endif
    // keys
    SYS_add_key, SYS_request_key, SYS_keyctl,
};
// clang-format on

/// Writes the filter. A list of what is refused, and not of what is allowed: a C library that takes
/// another call for the same thing must not cost a container its start. The numbers are found by
/// halving: the kernel runs a new filter once for every call there is, so that comparing with one
/// after the other would take it five times as long.
class FilterWriter {
 public:
  static constexpr std::size_t kProlog = 4;    // architecture, and the number
  static constexpr std::size_t kSocket = 2;    // the family of a socket
  static constexpr std::size_t kVerdicts = 2;  // allow, refuse
  static constexpr std::size_t kCalls = kRefused.size() + 1;
  static constexpr std::size_t kTree = 2 * kCalls - 1;
  using Filter = std::array<sock_filter, kProlog + kTree + kSocket + kVerdicts>;

  constexpr Filter write() {
    add(load(offsetof(seccomp_data, arch)));
    add(jump(BPF_JEQ, kArchitecture, next_ + 1, kRefuse));
    add(load(offsetof(seccomp_data, nr)));
    // On x86-64 the x32 calls have numbers of their own.
    add(jump(BPF_JGE, 0x40000000, kRefuse, next_ + 1));
    write_tree(0, kCalls);
    add(load(offsetof(seccomp_data, args)));  // little-endian: the lower half
    add(jump(BPF_JEQ, AF_UNIX, kAllow, kRefuse));
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    add(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
    return filter_;
  }

 private:
  static constexpr std::size_t kFamily = kProlog + kTree;
  static constexpr std::size_t kAllow = kFamily + kSocket;
  static constexpr std::size_t kRefuse = kAllow + 1;
  static_assert(std::endian::native == std::endian::little);

  static constexpr sock_filter load(std::size_t offset) {
    return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
  }

  /// To the instruction `then` if the comparison holds, else to `otherwise`.
  [[nodiscard]] constexpr sock_filter jump(unsigned comparison, std::uint32_t value,
                                           std::size_t then, std::size_t otherwise) const {
    const auto distance = [this](std::size_t to) {
      return static_cast<std::uint8_t>(to - next_ - 1);
    };
    return BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | BPF_K | comparison), value, distance(then),
                    distance(otherwise));
  }

  constexpr void add(sock_filter instruction) { filter_.at(next_++) = instruction; }

  /// Decides among the calls from `first` up to `last`.
  constexpr void write_tree(std::size_t first, std::size_t last) {
    const auto number = [this](std::size_t at) {
      return static_cast<std::uint32_t>(calls_.at(at));
    };
    if (last - first == 1) {
      const std::size_t verdict = number(first) == SYS_socket ? kFamily : kRefuse;
      return add(jump(BPF_JEQ, number(first), verdict, kAllow));
    }
    const std::size_t middle = first + (last - first) / 2;
    const std::size_t lower_size = 2 * (middle - first) - 1;
    add(jump(BPF_JGE, number(middle), next_ + 1 + lower_size, next_ + 1));
    write_tree(first, middle);
    write_tree(middle, last);
  }

  std::array<long, kCalls> calls_ = [] {
    std::array<long, kCalls> calls{SYS_socket};
    std::copy(kRefused.begin(), kRefused.end(), calls.begin() + 1);
    std::sort(calls.begin(), calls.end());
    return calls;
  }();
  Filter filter_ = {};
  std::size_t next_ = 0;
};

void refuse_what_is_never_done() {
  static constexpr FilterWriter::Filter kFilter = FilterWriter().write();
  const sock_fprog program{.len = static_cast<unsigned short>(kFilter.size()),
                           // The kernel reads it.
                           // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
                           .filter = const_cast<sock_filter*>(kFilter.data())};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0) return;
  if (errno != EINVAL && errno != ENOSYS) {
    throw_errno(Code::internal, "set the seccomp filter", kRemedy);
  }
}

}  // namespace

void keep_needed_capabilities() {
  // EINVAL: a kernel without them.
  static_cast<void>(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
  keep_only(kForHost);
}

void confine_to_container_work() {
  keep_only(kForContainer);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    throw_errno(Code::internal, "set no_new_privs", kRemedy);
  }
  refuse_what_is_never_done();
}

}  // namespace nvhook
