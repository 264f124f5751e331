// SPDX-License-Identifier: Apache-2.0
// Our own procfs, opened once and verified.
#include "system/own_procfs.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "system/unique_fd.hpp"

namespace nvhook {
namespace {

constexpr ino_t kProcfsRoot = 1;

UniqueFd open_procfs() noexcept {
  UniqueFd proc(::openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct statfs filesystem {};
  struct stat status {};
  const bool is_root = proc && ::fstatfs(proc.get(), &filesystem) == 0 &&
                       filesystem.f_type == PROC_SUPER_MAGIC && ::fstat(proc.get(), &status) == 0 &&
                       status.st_ino == kProcfsRoot;
  return is_root ? std::move(proc) : UniqueFd();
}

}  // namespace

int own_procfs() noexcept {
  static const UniqueFd proc = open_procfs();
  return proc.get();
}

std::string name_in_procfs(int fd) { return "self/fd/" + std::to_string(fd); }

}  // namespace nvhook
