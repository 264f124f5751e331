// SPDX-License-Identifier: Apache-2.0
// close_range, and replacements for kernels without it. Calls only functions that are allowed
// between fork and exec.
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "os/syscalls.hpp"

namespace nvhook::sys {
namespace {

// The highest possible limit on descriptors, unless fs.nr_open was changed.
constexpr rlim_t kMostDescriptors = 1UL << 20U;

void close_up_to_the_limit(unsigned first, unsigned last) noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_max = kMostDescriptors;
  const rlim_t end = std::min({limit.rlim_max, kMostDescriptors, rlim_t{last} + 1});
  for (rlim_t fd = first; fd < end; ++fd) ::close(static_cast<int>(fd));
}

/// Returns the number that `name` is; -1 for `.` and `..`.
long number_of(const char* name) noexcept {
  long number = 0;
  for (const char* digit = name; *digit != '\0'; ++digit) {
    if (*digit < '0' || *digit > '9') return -1;
    number = number * 10 + (*digit - '0');
  }
  return number;
}

/// Closes the descriptors listed in `directory`, our /proc/self/fd. Returns false if it cannot be
/// read or is not on procfs.
bool close_listed(int directory, unsigned first, unsigned last) noexcept {
  struct statfs filesystem {};
  if (::fstatfs(directory, &filesystem) != 0 || filesystem.f_type != PROC_SUPER_MAGIC) return false;
  constexpr std::size_t kNameOffset = 19;  // of struct linux_dirent64
  alignas(std::uint64_t) std::array<char, 4096> entries{};
  while (true) {
    const long length = ::syscall(SYS_getdents64, directory, entries.data(), entries.size());
    if (length <= 0) return length == 0;
    std::uint16_t size = 0;
    for (std::size_t at = 0; at < static_cast<std::size_t>(length); at += size) {
      std::memcpy(&size, &entries.at(at + 16), sizeof size);
      const long fd = number_of(&entries.at(at + kNameOffset));
      if (fd >= long{first} && fd <= long{last} && fd != directory) {
        ::close(static_cast<int>(fd));
      }
    }
  }
}

}  // namespace

void close_range(unsigned first, unsigned last) noexcept {
  if (::syscall(SYS_close_range, first, last, 0) == 0) return;
  const UniqueFd directory(::openat(AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || !close_listed(directory.get(), first, last)) close_up_to_the_limit(first, last);
}

}  // namespace nvhook::sys
