// SPDX-License-Identifier: Apache-2.0
// Opens /proc once and verifies that it is the root of a procfs.
#include "os/own_procfs.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "os/read_link.hpp"

namespace nvhook {
namespace {

constexpr ino_t kTopDirectoryInode = 1;

UniqueFd open_procfs() noexcept {
  UniqueFd proc(::openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct statfs filesystem {};
  struct stat status {};
  const bool is_root = proc && ::fstatfs(proc.get(), &filesystem) == 0 &&
                       filesystem.f_type == PROC_SUPER_MAGIC && ::fstat(proc.get(), &status) == 0 &&
                       status.st_ino == kTopDirectoryInode;
  return is_root ? std::move(proc) : UniqueFd();
}

}  // namespace

int own_procfs() noexcept {
  static const UniqueFd proc = open_procfs();
  return proc.get();
}

std::string name_in_procfs(int fd) { return "self/fd/" + std::to_string(fd); }

std::string path_in_procfs(int fd) {
  return read_link_at(own_procfs(), name_in_procfs(fd).c_str()).value_or("");
}

UniqueFd open_to_read(int fd) {
  return UniqueFd(::openat(own_procfs(), name_in_procfs(fd).c_str(),
                           O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

UniqueFd connect_to(int fd, int type) {
  // Non-blocking: a full queue of connections must not delay the container.
  UniqueFd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  name_in_procfs(fd).copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
  // There is no connect by descriptor, and in another mount namespace /proc may be anything.
  const bool is_connected =
      socket && ::fchdir(own_procfs()) == 0 &&
      // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the sockets interface
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  return is_connected ? std::move(socket) : UniqueFd();
}

}  // namespace nvhook
