// SPDX-License-Identifier: Apache-2.0
// Tests the filter for every call number, executed as the kernel executes it.
#include "os/call_filter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/bpf_common.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <stdexcept>

namespace nvhook {
namespace {

#ifdef __x86_64__
constexpr std::uint32_t kOurs = AUDIT_ARCH_X86_64;
constexpr std::uint32_t kForeign = AUDIT_ARCH_I386;
#else
constexpr std::uint32_t kOurs = AUDIT_ARCH_AARCH64;
constexpr std::uint32_t kForeign = AUDIT_ARCH_ARM;
#endif
constexpr std::uint32_t kRefused = SECCOMP_RET_ERRNO | EPERM;
// Far more than the newest call.
constexpr std::uint32_t kNumbers = 1024;

seccomp_data call_of(std::uint32_t number, unsigned argument = 0, std::uint64_t value = 0) {
  seccomp_data data{};
  data.nr = static_cast<int>(number);
  data.arch = kOurs;
  data.args[argument] = value;
  return data;
}

/// Returns the filter's verdict on a call.
std::uint32_t verdict(const seccomp_data& data) {
  const auto filter = call_filter();
  std::uint32_t word = 0;
  for (std::size_t at = 0; at < filter.size(); ++at) {
    const sock_filter& instruction = filter[at];
    const auto jump = [&](bool holds) { at += holds ? instruction.jt : instruction.jf; };
    switch (instruction.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        std::memcpy(&word, reinterpret_cast<const char*>(&data) + instruction.k, sizeof word);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        word &= instruction.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        jump(word == instruction.k);
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        jump(word >= instruction.k);
        break;
      case BPF_RET | BPF_K:
        return instruction.k;
      default:
        throw std::runtime_error("an instruction that the filter has no use for");
    }
  }
  throw std::runtime_error("the filter has no end");
}

// The kernel checks, translates and tries each instruction when the filter is set, at every start.
TEST(CallFilter, HasNoMoreReturnsThanVerdicts) {
  const auto filter = call_filter();
  EXPECT_EQ(std::count_if(filter.begin(), filter.end(),
                          [](const sock_filter& one) { return one.code == (BPF_RET | BPF_K); }),
            2);
}

TEST(CallFilter, RefusesWhatIsListedAndNothingElse) {
  for (std::uint32_t number = 0; number < kNumbers; ++number) {
    const auto rules = call_rules();
    const auto rule = std::find_if(rules.begin(), rules.end(),
                                   [&](const CallRule& each) { return each.call == number; });
    if (rule == rules.end()) {
      EXPECT_EQ(verdict(call_of(number)), SECCOMP_RET_ALLOW) << number;
    } else if (rule->allowed_if == kNever) {
      EXPECT_EQ(verdict(call_of(number)), kRefused) << number;
    } else {
      const auto [argument, mask, value] = rule->allowed_if;
      EXPECT_EQ(verdict(call_of(number, argument, value)), SECCOMP_RET_ALLOW) << number;
      EXPECT_EQ(verdict(call_of(number, argument, value ^ mask)), kRefused) << number;
    }
  }
}

TEST(CallFilter, HasARuleForEachCallOnce) {
  const auto rules = call_rules();
  for (std::size_t index = 1; index < rules.size(); ++index) {
    EXPECT_LT(rules[index - 1].call, rules[index].call);
  }
}

TEST(CallFilter, RefusesOtherCallingConventions) {
  seccomp_data foreign = call_of(SYS_getpid);
  foreign.arch = kForeign;
  EXPECT_EQ(verdict(foreign), kRefused);
#ifdef __x86_64__
  EXPECT_EQ(verdict(call_of(0x40000000U + SYS_getpid)), kRefused);
#endif
  EXPECT_EQ(verdict(call_of(~0U)), kRefused);
}

// A second list, by number, so that an accidental removal from the first is noticed.
TEST(CallFilter, RefusesWhateverStartsOpensOrChangesWhatIsNotTheContainers) {
  for (const std::uint32_t number : std::initializer_list<std::uint32_t>{
#ifdef __x86_64__
           56,  57,  58,  59,  322, 272, 134,            // programs and processes
           101, 310, 311, 312, 323, 298, 256, 279,       // other processes
           62,  200, 234, 129, 297,                      // signals
           206, 209, 16,  43,  288, 49,  50,  53,        // aio, drivers, sockets
           175, 313, 176, 246, 320, 169, 167, 168, 164,  // the kernel and the machine
           227, 159, 305, 170, 171, 163, 179, 103, 153, 135, 172, 173, 154, 156,  //
           155, 161, 303, 304, 300, 301, 319, 133, 259,  // roots, handles, nodes
           248, 249, 250,                                // keys
#else
           220, 221, 281, 97,                                // programs and processes
           117, 270, 271, 272, 282, 241, 238, 239,           // other processes
           129, 130, 131, 138, 240,                          // signals
           0,   2,   29,  202, 242, 200, 201, 199,           // aio, drivers, sockets
           105, 273, 106, 104, 294, 142, 224, 225, 170,      // the kernel and the machine
           112, 171, 266, 161, 162, 89,  60,  116, 58,  92,  //
           41,  51,  264, 265, 262, 263, 279, 33,            // roots, handles, nodes
           217, 218, 219,                                    // keys
#endif
           424, 425, 426, 427, 433, 435, 438, 440, 443, 447, 448}) {
    EXPECT_EQ(verdict(call_of(number)), kRefused) << number;
  }
}

TEST(CallFilter, LooksAtTheArgumentsOfTheRest) {
  EXPECT_EQ(verdict(call_of(SYS_socket, 0, AF_UNIX)), SECCOMP_RET_ALLOW);
  EXPECT_EQ(verdict(call_of(SYS_socket, 0, AF_INET)), kRefused);
  EXPECT_EQ(verdict(call_of(SYS_setns, 1, CLONE_NEWNS)), SECCOMP_RET_ALLOW);
  EXPECT_EQ(verdict(call_of(SYS_setns, 1, 0)), kRefused);
  EXPECT_EQ(verdict(call_of(SYS_prlimit64, 0, 1)), kRefused);
  for (const std::uint64_t set_id : {04000U, 02000U, 06755U}) {
    EXPECT_EQ(verdict(call_of(SYS_fchmod, 1, set_id)), kRefused);
    EXPECT_EQ(verdict(call_of(SYS_fchmodat, 2, set_id)), kRefused);
    EXPECT_EQ(verdict(call_of(452, 2, set_id)), kRefused);  // fchmodat2
  }
  EXPECT_EQ(verdict(call_of(SYS_fchmod, 1, 01777)), SECCOMP_RET_ALLOW);
}

}  // namespace
}  // namespace nvhook
