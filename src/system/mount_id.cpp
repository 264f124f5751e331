// SPDX-License-Identifier: Apache-2.0
// Which mount a descriptor is on.
#include "system/mount_id.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace nvhook {
namespace {

struct statx status_of_mount(int fd) noexcept {
  struct statx status {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &status) != 0) return {};
  return status;
}

}  // namespace

std::uint64_t mount_id_of(int fd) noexcept { return status_of_mount(fd).stx_mnt_id; }

bool is_mount_root(int fd) noexcept {
  return (status_of_mount(fd).stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

UniqueFd mount_root_of(int fd) noexcept {
  UniqueFd at(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  while (at && !is_mount_root(at.get())) {
    at = UniqueFd(::openat(at.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  return at;
}

}  // namespace nvhook
