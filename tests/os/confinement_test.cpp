// SPDX-License-Identifier: Apache-2.0
// Tests what a confined process still has, and what the kernel refuses it.
#include "os/confinement.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "os/call_filter.hpp"
#include "os/files.hpp"
#include "os/unique_fd.hpp"
#include "support/private_namespaces.hpp"

namespace nvhook {
namespace {

/// Reads a line of /proc/self/status as a number.
std::uint64_t status_number(const std::string& name, int base) {
  const std::string text = read_host_file("/proc/self/status", 1UL << 16U).value_or("");
  const std::size_t at = text.find("\n" + name + ":\t");
  test::require(at != std::string::npos, "find " + name);
  return std::stoull(text.substr(at + name.size() + 3), nullptr, base);
}

bool has(const std::string& set, unsigned capability) {
  return (status_number(set, 16) >> capability & 1U) != 0;
}

/// Returns the errno of a call that returned `result`; 0 if it succeeded.
int error_of(long result) { return result < 0 ? errno : 0; }

int error_of_socket(int family) {
  const UniqueFd socket(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return error_of(socket.get());
}

TEST(Confinement, KeepsWhatTheHookNeedsAndNothingElse) {
  test::in_private_namespaces(CLONE_NEWUSER, [] {
    keep_needed_capabilities();
    EXPECT_TRUE(has("CapEff", CAP_SYS_ADMIN));
    EXPECT_TRUE(has("CapEff", CAP_MKNOD));
    for (const unsigned capability : std::initializer_list<unsigned>{CAP_SYS_MODULE, CAP_SYS_RAWIO,
                                                                     CAP_NET_RAW, CAP_SYS_BOOT}) {
      EXPECT_FALSE(has("CapEff", capability)) << capability;
      EXPECT_FALSE(has("CapPrm", capability)) << capability;
    }
    return std::string();
  });
}

TEST(Confinement, LetsNoProgramInheritACapability) {
  test::in_private_namespaces(CLONE_NEWUSER, [] {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct words[2] = {};
    test::require(::syscall(SYS_capget, &header, words) == 0, "capget");
    words[0].inheritable = 1U << CAP_SYS_ADMIN;
    test::require(::syscall(SYS_capset, &header, words) == 0, "capset");
    test::require(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0) == 0, "raise");
    keep_needed_capabilities();
    EXPECT_EQ(status_number("CapInh", 16), 0U);
    EXPECT_EQ(status_number("CapAmb", 16), 0U);
    return std::string();
  });
}

TEST(Confinement, GivesNothingToAProcessThatHasNothing) {
  test::in_private_namespaces(CLONE_NEWUSER, [] {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    const __user_cap_data_struct none[2] = {};
    test::require(::syscall(SYS_capset, &header, none) == 0, "capset");
    keep_needed_capabilities();
    confine_to_container_work();
    EXPECT_EQ(status_number("CapPrm", 16), 0U);
    return std::string();
  });
}

TEST(Confinement, ExecutesAndStartsNothingAnyMore) {
  test::in_private_namespaces(CLONE_NEWUSER, [] {
    confine_to_container_work();
    char name[] = "/bin/true";
    char* const arguments[] = {name, nullptr};
    EXPECT_EQ(error_of(::execve(name, arguments, nullptr)), EPERM);
    EXPECT_EQ(error_of(::fork()), EPERM);
    EXPECT_EQ(error_of(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)), EPERM);
    EXPECT_EQ(error_of(::syscall(SYS_finit_module, -1, "", 0)), EPERM);
    EXPECT_EQ(error_of(::mknod("/dev/oci-nvidia-test", S_IFIFO, 0)), EPERM);
    EXPECT_EQ(status_number("NoNewPrivs", 10), 1U);
    EXPECT_FALSE(has("CapPrm", CAP_MKNOD));
    return std::string();
  });
}

/// Makes the call with arguments that are harmless if it is not refused.
int error_of_call(std::uint32_t call) {
  const pid_t process = ::getpid();
  const long result = ::syscall(static_cast<long>(call), -1, 0, 0, 0, 0, 0);
  if (::getpid() != process) ::_exit(0);  // the child of a fork that should have been refused
  return error_of(result);
}

TEST(Confinement, IsRefusedByTheKernelEachOfTheCalls) {
  test::in_private_namespaces(CLONE_NEWUSER, [] {
    confine_to_container_work();
    for (const CallRule& rule : call_rules()) {
      if (rule.allowed_if != kNever) continue;
      EXPECT_EQ(error_of_call(rule.call), EPERM) << rule.call;
    }
    return std::string();
  });
}

TEST(Confinement, HasNoWayAroundInIoUring) {
  test::in_private_namespaces(CLONE_NEWUSER, [] {
    constexpr unsigned kEntries = 4;
    io_uring_params parameters{};
    const long before = ::syscall(SYS_io_uring_setup, kEntries, &parameters);
    confine_to_container_work();
    EXPECT_EQ(error_of(::syscall(SYS_io_uring_setup, kEntries, &parameters)), EPERM);
    // A ring that exists already is of no use either (IORING_OP_SOCKET would make a socket).
    const long ring = before >= 0 ? before : -1;
    EXPECT_EQ(error_of(::syscall(SYS_io_uring_enter, ring, 0, 0, 0, nullptr, 0)), EPERM);
    EXPECT_EQ(error_of(::syscall(SYS_io_uring_register, ring, 0, nullptr, 0)), EPERM);
    return std::string();
  });
}

TEST(Confinement, GivesNoFileTheRightsOfItsOwner) {
  test::in_private_namespaces(CLONE_NEWUSER, [] {
    confine_to_container_work();
    const UniqueFd file(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    test::require(static_cast<bool>(file), "make a file");
    EXPECT_EQ(error_of(::fchmod(file.get(), 04755)), EPERM);
    EXPECT_EQ(error_of(::fchmod(file.get(), 02755)), EPERM);
    EXPECT_EQ(error_of(::fchmod(file.get(), 01755)), 0);
    EXPECT_EQ(error_of(::fchmodat(AT_FDCWD, "/nonexistent", 04755, 0)), EPERM);
    EXPECT_EQ(error_of(::fchmodat(AT_FDCWD, "/nonexistent", 0755, 0)), ENOENT);
    return std::string();
  });
}

TEST(Confinement, EntersMountNamespacesAlone) {
  test::in_private_namespaces(CLONE_NEWUSER, [] {
    confine_to_container_work();
    EXPECT_EQ(error_of(::setns(-1, CLONE_NEWNS)), EBADF);
    for (const int kind : {0, CLONE_NEWNET, CLONE_NEWUSER, CLONE_NEWNS | CLONE_NEWPID}) {
      EXPECT_EQ(error_of(::setns(-1, kind)), EPERM) << kind;
    }
    return std::string();
  });
}

TEST(Confinement, MayDoWhatConfiguringAContainerTakes) {
  test::in_private_namespaces(CLONE_NEWUSER, [] {
    confine_to_container_work();
    // Wrong arguments, so that nothing is done: the errno comes from the call itself.
    for (const long call :
         {SYS_openat,     SYS_openat2,     SYS_open_tree,  SYS_mount_setattr, SYS_mount,
          SYS_umount2,    SYS_mkdirat,     SYS_symlinkat,  SYS_linkat,        SYS_renameat2,
          SYS_unlinkat,   SYS_write,       SYS_fchmod,     SYS_fchown,        SYS_fchdir,
          SYS_connect,    SYS_sendmsg,     SYS_sendto,     SYS_recvfrom,      SYS_statx,
          SYS_readlinkat, SYS_bpf,         SYS_pidfd_open, SYS_setfsuid,      SYS_setfsgid,
          SYS_getrandom,  SYS_close_range, SYS_fsync}) {
      const int error = error_of(::syscall(call, -1, nullptr, nullptr, nullptr, 0, 0));
      const bool needs_right = call == SYS_mount || call == SYS_bpf;
      EXPECT_TRUE(error != EPERM || needs_right) << call;
    }
    EXPECT_EQ(::poll(nullptr, 0, 0), 0);
    rlimit limit{};
    EXPECT_EQ(error_of(::getrlimit(RLIMIT_MEMLOCK, &limit)), 0);
    EXPECT_EQ(error_of(::setrlimit(RLIMIT_MEMLOCK, &limit)), 0);
    return std::string();
  });
}

TEST(Confinement, TalksToDaemonsButNotToTheNetwork) {
  test::in_private_namespaces(CLONE_NEWUSER, [] {
    confine_to_container_work();
    EXPECT_EQ(error_of_socket(AF_UNIX), 0);
    EXPECT_EQ(error_of_socket(AF_INET), EPERM);
    EXPECT_EQ(error_of_socket(AF_NETLINK), EPERM);
    return std::string();
  });
}

#ifdef __x86_64__
TEST(Confinement, HasNoBackDoorInX32) {
  test::in_private_namespaces(CLONE_NEWUSER, [] {
    constexpr long kX32 = 0x40000000;
    confine_to_container_work();
    EXPECT_EQ(error_of(::syscall(kX32 + SYS_getpid)), EPERM);
    return std::string();
  });
}
#endif

}  // namespace
}  // namespace nvhook
