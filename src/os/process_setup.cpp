// SPDX-License-Identifier: Apache-2.0
// Reads the few variables that matter, then cuts all ties to the caller.
#include "os/process_setup.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include "os/confinement.hpp"
#include "os/descriptor_limit.hpp"
#include "os/read_link.hpp"
#include "os/syscalls.hpp"

namespace nvhook {
namespace {

std::string variable(const char* name) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): this program has one thread
  const char* value = ::secure_getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

/// Opens /dev/null on each closed standard descriptor. Otherwise the next opened file would get its
/// number, and error messages would be written there.
void open_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // openat returns the lowest free number, which is `fd`.
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-vararg,android-cloexec-open): standard descriptors
    // are inherited
    static_cast<void>(::openat(AT_FDCWD, "/dev/null", O_RDWR));
  }
}

}  // namespace

CallerContext read_caller() {
  return {
      .config_file = variable("NVIDIA_CTK_CONFIG_FILE_PATH"),
      .config_home = variable("XDG_CONFIG_HOME"),
      .home = variable("HOME"),
      .runtime_directory = variable("XDG_RUNTIME_DIR"),
      .mps_pipe_directory = variable("CUDA_MPS_PIPE_DIRECTORY"),
      .debug_file = variable("NVC_DEBUG_FILE"),
      .search_path = variable("PATH"),
      .working_directory = sys::open_beneath(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0),
  };
}

void ignore_write_signals() noexcept {
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  for (const int signal : {SIGPIPE, SIGXFSZ}) ::sigaction(signal, &ignore, nullptr);
}

CallerContext detach_from_caller() {
  CallerContext caller = read_caller();
  ::clearenv();
  ::umask(022);
  if (::chdir("/") != 0)
    throw_errno(Code::internal, "change to directory `/`", "look at the kernel's log");
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  ignore_write_signals();
  raise_descriptor_limit();
  keep_needed_capabilities();
  return caller;
}

CallerContext harden_process() {
  open_standard_descriptors();
  sys::close_range(STDERR_FILENO + 1, ~0U);
  return detach_from_caller();
}

std::string own_executable(const RootDir& system) {
  std::string path = read_link_at(system.fd(), "proc/self/exe").value_or("");
  // During a package upgrade the next version has replaced this file.
  constexpr std::string_view kReplaced = " (deleted)";
  if (path.ends_with(kReplaced)) path.resize(path.size() - kReplaced.size());
  return path;
}

}  // namespace nvhook
