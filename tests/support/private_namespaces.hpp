// SPDX-License-Identifier: Apache-2.0
// Runs part of a test in a child that has namespaces of its own, is refused calls, or is killed.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>

namespace nvhook::test {

/// Thrown in the child if the test is not possible on this machine: the test is skipped.
class NotPossibleHere : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws, with errno's text, if a step of the test's preparation failed.
inline void require(bool success, const std::string& step) {
  if (!success) throw std::runtime_error(step + ": " + std::strerror(errno));
}

inline void write_file(const std::string& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  require(fd >= 0, "open " + path);
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  require(written, "write `" + text + "` to " + path);
}

enum class Verdict : char { good = 'g', failed = 'f', not_possible = 's' };

struct Outcome {
  Verdict verdict = Verdict::failed;
  std::string text = {};
};

namespace detail {

inline void enter_namespaces(int more) {
  const auto uid = std::to_string(::getuid());
  const auto gid = std::to_string(::getgid());
  if (::unshare(CLONE_NEWNS | more) != 0) {
    throw NotPossibleHere(std::string("namespaces are refused: ") + std::strerror(errno));
  }
  if ((more & CLONE_NEWUSER) != 0) {
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", "0 " + uid + " 1");
    write_file("/proc/self/gid_map", "0 " + gid + " 1");
  }
  require(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "make / private");
}

inline Outcome run_body(int namespaces, const std::function<std::string()>& body) {
  try {
    enter_namespaces(namespaces);
    const std::string text = body();
    return {text.empty() ? Verdict::good : Verdict::failed, text};
  } catch (const NotPossibleHere& reason) {
    return {Verdict::not_possible, reason.what()};
  } catch (const std::exception& error) {
    return {Verdict::failed, std::string("exception: ") + error.what()};
  }
}

[[noreturn]] inline void run_child(int answer, int namespaces,
                                   const std::function<std::string()>& body) {
  Outcome outcome = run_body(namespaces, body);
  // EXPECT and ASSERT have printed what failed; this passes on that something failed.
  if (outcome.verdict == Verdict::good && ::testing::Test::HasFailure()) {
    outcome = {Verdict::failed, "an expectation failed in the child"};
  }
  (void)std::fflush(nullptr);
  const std::string message = static_cast<char>(outcome.verdict) + outcome.text;
  const bool told = ::write(answer, message.data(), message.size()) >= 0;
  ::_exit(told ? 0 : 1);
}

inline std::string read_to_end(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  ssize_t size = 0;
  while ((size = ::read(fd, buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  return text;
}

}  // namespace detail

/// Runs `body` in a child with a mount namespace of its own, from which no mount propagates, and
/// the further `namespaces` (CLONE_NEWUSER, with our IDs as root; CLONE_NEWCGROUP, …). `body`
/// returns the error, or an empty string, or throws.
inline Outcome run_in_private_namespaces(int namespaces, const std::function<std::string()>& body) {
  std::array<int, 2> answer{};
  (void)std::fflush(nullptr);  // otherwise the child would print it again
  if (::pipe2(answer.data(), O_CLOEXEC) != 0) return {Verdict::failed, "pipe"};
  const pid_t child = ::fork();
  if (child < 0) return {Verdict::failed, "fork"};
  if (child == 0) detail::run_child(answer[1], namespaces, body);
  ::close(answer[1]);
  const std::string message = detail::read_to_end(answer[0]);
  ::close(answer[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (message.empty() || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return {Verdict::failed, "the child died, wait status " + std::to_string(status)};
  }
  return {static_cast<Verdict>(message.front()), message.substr(1)};
}

/// As run_in_private_namespaces(), and fails or skips the test by the outcome.
inline void in_private_namespaces(int namespaces, const std::function<std::string()>& body) {
  const Outcome outcome = run_in_private_namespaces(namespaces, body);
  if (outcome.verdict == Verdict::not_possible) GTEST_SKIP() << outcome.text;
  if (outcome.verdict == Verdict::failed) ADD_FAILURE() << outcome.text;
}

/// In a mount namespace only, for a body that uses EXPECT.
inline void in_private_namespaces(const std::function<void()>& body) {
  in_private_namespaces(0, [&] {
    body();
    return std::string();
  });
}

/// Runs `action` in a child, and calls `meanwhile` when the child enters or leaves the kernel for
/// the `count`th time. Returns false if the child ended before.
inline bool meets_after(int count, const std::function<void()>& action,
                        const std::function<void(pid_t child)>& meanwhile) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    (void)::raise(SIGSTOP);
    action();
    ::_exit(0);
  }
  int status = 0;
  bool met = false;
  ::waitpid(child, &status, 0);
  for (int stops = 0; WIFSTOPPED(status); ++stops) {
    if (stops == count) {
      met = true;
      meanwhile(child);
    }
    if (::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) != 0 && errno != ESRCH) {
      (void)::kill(child, SIGKILL);
      throw NotPossibleHere("ptrace is refused");
    }
    ::waitpid(child, &status, 0);
  }
  return met;
}

/// Runs `action` in a child and kills it at its `count`th entry into or exit from the kernel.
/// Returns false if the child ended before.
inline bool is_killed_after(int count, const std::function<void()>& action) {
  return meets_after(count, action, [](pid_t child) { (void)::kill(child, SIGKILL); });
}

/// From here on the system call number `call` of this process (if `argument` is given, only with
/// this first argument) fails with `error`, as under an engine's seccomp profile.
inline void refuse_call(unsigned call, unsigned error, std::optional<unsigned> argument = {}) {
  // Without an argument both outcomes of the comparison lead to the same place.
  const unsigned char other = argument ? 1 : 0;
  sock_filter instructions[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, argument.value_or(0), 0, other),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = std::size(instructions), .filter = instructions};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    throw NotPossibleHere("seccomp is refused");
  }
}

}  // namespace nvhook::test
