// SPDX-License-Identifier: Apache-2.0
// fork and execveat; reads with poll up to the deadline, then SIGKILL.
#include "os/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <utility>

#include "os/default_child_signal.hpp"
#include "os/descriptor_limit.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxErrorLine = 1024;
constexpr std::size_t kChunk = 64UL * 1024;
constexpr int kCannotExecute = 127;
constexpr std::chrono::milliseconds kLookInterval{5};
constexpr int kExecutableFd = STDERR_FILENO + 1;
// System directories only; NVML may start nvidia-modprobe.
constexpr const char* kPath = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";

[[noreturn]] void throw_start_error(const std::string& what) {
  throw_errno(Code::probe_failed, what, "free memory, process numbers or file descriptors");
}

struct Pipe {
  UniqueFd reader = UniqueFd();
  UniqueFd writer = UniqueFd();
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw_start_error("make a pipe");
  Pipe pipe{.reader = UniqueFd(ends[0]), .writer = UniqueFd(ends[1])};
  // Only our end is non-blocking: the child gets an ordinary pipe.
  if (::fcntl(pipe.reader.get(), F_SETFL, O_NONBLOCK) != 0) throw_start_error("make a pipe");
  return pipe;
}

struct ChildFiles {
  int executable = -1;
  int input = -1;
  int output = -1;
  int error = -1;
};

// ---- in the child: async-signal-safe calls only

void reset_signals() noexcept {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &standard, nullptr);
  sigset_t none{};
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void report_exec_error(int error) noexcept {
  std::array<char, 64> text{"cannot be executed: error 000\n"};
  constexpr std::size_t kDigits = sizeof("cannot be executed: error ") - 1;
  text.at(kDigits) = static_cast<char>('0' + error / 100 % 10);
  text.at(kDigits + 1) = static_cast<char>('0' + error / 10 % 10);
  text.at(kDigits + 2) = static_cast<char>('0' + error % 10);
  static_cast<void>(::write(STDERR_FILENO, text.data(), kDigits + 4) < 0);
  ::_exit(kCannotExecute);
}

[[noreturn]] void execute(const ChildFiles& files, char* const* arguments,
                          char* const* environment) noexcept {
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  reset_signals();
  restore_descriptor_limit();
  if (::dup2(files.input, STDIN_FILENO) < 0 || ::dup2(files.output, STDOUT_FILENO) < 0 ||
      ::dup2(files.error, STDERR_FILENO) < 0) {
    ::_exit(kCannotExecute);
  }
  if (files.executable != kExecutableFd && ::dup3(files.executable, kExecutableFd, O_CLOEXEC) < 0) {
    report_exec_error(errno);
  }
  sys::close_range(kExecutableFd + 1, ~0U);
  ::syscall(SYS_execveat, kExecutableFd, "", arguments, environment, AT_EMPTY_PATH);
  report_exec_error(errno);
}

// ---- in the parent

/// A child that is not reaped yet, so that its pid and session ID cannot be used by another
/// process.
class Child {
 public:
  explicit Child(pid_t pid) noexcept : pid_(pid), pidfd_(sys::pidfd_open(pid)) {}
  ~Child() { static_cast<void>(end()); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  Child(Child&&) = delete;
  Child& operator=(Child&&) = delete;

  /// Becomes readable when the child has ended; -1 if the kernel has no pidfds.
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }

  /// Whether the child has ended. Does not reap it.
  [[nodiscard]] bool has_ended() const noexcept {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == pid_;
  }

  /// Kills the child and what it started, if they still run, and reaps it. Returns the wait status.
  int end() noexcept {
    if (pid_ <= 0) return status_;
    // Root without CAP_KILL cannot kill a process of the probe's user, and must not wait for one
    // that does not end.
    const int flags = ::kill(pid_, SIGKILL) == 0 ? 0 : WNOHANG;
    ::kill(-pid_, SIGKILL);
    while (::waitpid(pid_, &status_, flags) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status_;
  }

 private:
  pid_t pid_;
  UniqueFd pidfd_;
  int status_ = 0;
};

/// Reads a pipe up to a limit; the rest is read and dropped.
class Reader {
 public:
  Reader(UniqueFd pipe, std::size_t limit) noexcept : pipe_(std::move(pipe)), limit_(limit) {}

  /// The descriptor to wait for; -1, which poll ignores, once the pipe has ended.
  [[nodiscard]] int fd() const noexcept { return pipe_.get(); }
  [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  /// Reads what is available; false if nothing was read.
  bool read_once() {
    std::array<char, kChunk> chunk{};
    const ssize_t count = pipe_ ? ::read(pipe_.get(), chunk.data(), chunk.size()) : 0;
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (count <= 0) {
      pipe_.reset();
      return false;
    }
    const auto size = static_cast<std::size_t>(count);
    const std::size_t room = limit_ - text_.size();
    overflowed_ = overflowed_ || size > room;
    text_.append(chunk.data(), std::min(size, room));
    return true;
  }

  /// Reads what is left after the child's end. A process that it left behind may go on writing.
  void read_rest() {
    while (!overflowed_ && read_once()) {
    }
  }

 private:
  UniqueFd pipe_;
  std::size_t limit_;
  std::string text_ = {};
  bool overflowed_ = false;
};

/// Waits for output or the child's end, at most for `limit`, and reads what is available. Returns
/// whether the child has ended.
bool read_some(const Child& child, std::chrono::milliseconds limit, Reader& output, Reader& error) {
  // Without a pidfd nothing wakes us when the child ends, so we poll.
  const bool looks = child.pidfd() < 0;
  std::array<pollfd, 3> events{pollfd{.fd = output.fd(), .events = POLLIN, .revents = 0},
                               pollfd{.fd = error.fd(), .events = POLLIN, .revents = 0},
                               pollfd{.fd = child.pidfd(), .events = POLLIN, .revents = 0}};
  const auto timeout = looks ? std::min(limit, kLookInterval) : limit;
  const int ready = ::poll(events.data(), events.size(), static_cast<int>(timeout.count()));
  if (ready < 0 && errno != EINTR) throw_start_error("poll");
  if (ready > 0 && events[0].revents != 0) output.read_once();
  if (ready > 0 && events[1].revents != 0) error.read_once();
  return looks ? child.has_ended() : ready > 0 && events[2].revents != 0;
}

/// Reads until the child has ended, or must be ended. Returns why it must be, nullopt if it ended
/// itself.
std::optional<ChildResult::End> wait_for(const Child& child, std::chrono::milliseconds deadline,
                                         Reader& output, Reader& error) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + deadline;
  while (true) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
    if (left.count() <= 0) return ChildResult::End::deadline;
    const bool has_ended = read_some(child, left, output, error);
    if (output.overflowed()) return ChildResult::End::output_limit;
    if (has_ended) return std::nullopt;
  }
}

/// The words as exec takes them; they point into `words`.
std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

pid_t start(const ChildCommand& command, const ChildFiles& files) {
  std::vector<std::string> words = command.arguments;
  const std::vector<char*> arguments = pointers_to(words);
  std::vector<std::string> variables = command.environment;
  variables.emplace_back(kPath);
  const std::vector<char*> environment = pointers_to(variables);
  const pid_t pid = ::fork();
  if (pid < 0) throw_start_error("fork");
  if (pid == 0) execute(files, arguments.data(), environment.data());
  return pid;
}

std::string first_line(const std::string& text) {
  return std::string(trim(std::string_view(text).substr(0, text.find('\n'))));
}

}  // namespace

ChildResult run_child(const ChildCommand& command) {
  const DefaultChildSignal child_signal;
  const UniqueFd nothing = sys::open_beneath(AT_FDCWD, "/dev/null", O_RDONLY, 0);
  if (!nothing) throw_start_error("open `/dev/null`");
  Pipe output = make_pipe();
  Pipe error = make_pipe();
  Child child(start(command, {.executable = command.executable,
                              .input = nothing.get(),
                              .output = output.writer.get(),
                              .error = error.writer.get()}));
  output.writer.reset();
  error.writer.reset();
  Reader output_reader(std::move(output.reader), command.max_output);
  Reader error_reader(std::move(error.reader), kMaxErrorLine);
  const auto forced_end = wait_for(child, command.deadline, output_reader, error_reader);
  const int status = child.end();
  output_reader.read_rest();
  error_reader.read_rest();
  ChildResult result{.output = output_reader.text(), .error_line = first_line(error_reader.text())};
  if (forced_end || output_reader.overflowed()) {
    result.end = forced_end.value_or(ChildResult::End::output_limit);
  } else if (WIFSIGNALED(status)) {
    result.end = ChildResult::End::killed;
    result.code = WTERMSIG(status);
  } else {
    result.code = WEXITSTATUS(status);
  }
  return result;
}

}  // namespace nvhook
