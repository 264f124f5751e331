// SPDX-License-Identifier: Apache-2.0
// Which capabilities are kept, and for what.
#include "os/confinement.hpp"

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <initializer_list>

#include "os/call_filter.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"

namespace nvhook {
namespace {

// Missing in older kernel headers.
constexpr unsigned kCapBpf = 39;

constexpr const char* kRemedy =
    "start the hook as runtimes do, without a seccomp filter of another program around it";

constexpr std::uint64_t set_of(std::initializer_list<unsigned> capabilities) {
  std::uint64_t set = 0;
  for (const unsigned capability : capabilities) set |= std::uint64_t{1} << capability;
  return set;
}

// setns and mounts; another user's root file system; files, owners and modes in the container;
// device filters, which need CAP_NET_ADMIN before kernel 5.8 and CAP_SYS_RESOURCE (locked memory)
// before 5.11.
constexpr std::uint64_t kForContainer =
    set_of({CAP_SYS_ADMIN, CAP_SYS_CHROOT, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER,
            CAP_CHOWN, CAP_SETUID, CAP_SETGID, CAP_NET_ADMIN, CAP_SYS_RESOURCE, kCapBpf});
// Namespaces of another user's process; device nodes on the host; killing the probe.
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

/// Drops all capabilities outside of `set`, and the inheritable set. Adds none.
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

void refuse_what_is_never_done() {
  const auto filter = call_filter();
  const sock_fprog program{.len = static_cast<unsigned short>(filter.size()),
                           // The kernel only reads it.
                           // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast)
                           .filter = const_cast<sock_filter*>(filter.data())};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0) return;
  if (errno != EINVAL && errno != ENOSYS) {
    throw_errno(Code::internal, "set the seccomp filter", kRemedy);
  }
}

}  // namespace

void keep_needed_capabilities() {
  // EINVAL: a kernel without ambient capabilities.
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
