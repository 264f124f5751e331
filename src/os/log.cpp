// SPDX-License-Identifier: Apache-2.0
// Opens the log file without trusting what is at its path.
#include "os/log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "os/files.hpp"
#include "os/syscalls.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

/// Returns why the file must not be written, empty if it may be. In a directory that everybody can
/// write to, another user may have made it first.
std::string why_unusable(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return errno_text(errno);
  if (S_ISCHR(status.st_mode)) return {};  // /dev/null, a terminal
  if (!S_ISREG(status.st_mode)) return "is no regular file";
  if (status.st_uid != ::geteuid()) return "belongs to another user";
  return status.st_nlink > 1 ? "has a second name" : "";
}

}  // namespace

void Log::open_file(const std::string& path) {
  if (path == "/dev/stderr") {
    use_stderr();
    return;
  }
  file_ = sys::open_beneath(AT_FDCWD, path.c_str(),
                            O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0, 0600);
  const std::string reason = file_ ? why_unusable(file_.get()) : errno_text(errno);
  if (!reason.empty()) {
    file_.reset();
    line("debug log `" + path + "` not used: " + reason);
  }
}

void Log::write(std::string_view level, std::string_view text) noexcept {
  if (!enabled()) return;
  const auto since_start =
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start_).count();
  const std::string line = "oci-nvidia-hook[" + std::to_string(::getpid()) + "] +" +
                           std::to_string(since_start) + "us " + std::string(level) +
                           printable(text) + "\n";
  if (stderr_) static_cast<void>(write_all(STDERR_FILENO, line));
  if (file_) static_cast<void>(write_all(file_.get(), line));
}

void Log::line(std::string_view text) noexcept { write("", text); }

void Log::notes(const Notes& notes) noexcept {
  for (const Note& note : notes) {
    write(note.level == Note::Level::warning ? "warning: " : "", note.text);
  }
}

void Log::phase(std::string_view phase) noexcept {
  if (!enabled()) return;
  const Clock::time_point now = Clock::now();
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - last_phase_);
  last_phase_ = now;
  write("phase ", std::string(phase) + " took " + std::to_string(took.count()) + "us");
}

}  // namespace nvhook
