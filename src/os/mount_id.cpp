// SPDX-License-Identifier: Apache-2.0
// statx, or before Linux 5.8 /proc/self/fdinfo.
#include "os/mount_id.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>

#include "os/own_procfs.hpp"
#include "os/unique_fd.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

struct statx status_of_mount(int fd, const char* name = "") noexcept {
  struct statx status {};
  // The kernel answers this itself: the server of a FUSE or NFS mount must not be asked.
  const int flags = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
  if (::statx(fd, name, flags, STATX_MNT_ID, &status) != 0) return {};
  return status;
}

/// Reads `mnt_id:` from the descriptor's fdinfo in procfs; 0 if there is none.
std::uint64_t mount_id_by_procfs(int fd) noexcept {
  const std::string name = "self/fdinfo/" + std::to_string(fd);
  const UniqueFd file(::openat(own_procfs(), name.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> text{};
  const ssize_t length = file ? ::read(file.get(), text.data(), text.size()) : -1;
  if (length <= 0) return 0;
  constexpr std::string_view kKey = "mnt_id:";
  const std::string_view all(text.data(), static_cast<std::size_t>(length));
  for (const std::string_view line : split_list(all, '\n')) {
    if (line.starts_with(kKey)) return parse_unsigned(trim(line.substr(kKey.size()))).value_or(0);
  }
  return 0;
}

}  // namespace

std::uint64_t mount_id_of(int fd) noexcept {
  const struct statx status = status_of_mount(fd);
  return (status.stx_mask & STATX_MNT_ID) != 0 ? status.stx_mnt_id : mount_id_by_procfs(fd);
}

bool on_same_mount(int a, int b) noexcept {
  const std::uint64_t id = mount_id_of(a);
  return id != 0 && id == mount_id_of(b);
}

std::optional<bool> is_mount_root_by_attribute(int fd) noexcept {
  const struct statx status = status_of_mount(fd);
  if ((status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) == 0) return std::nullopt;
  return (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

MountedObject mounted_object(int fd) {
  struct statx status {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &status) != 0) {
    return {.status = status_of(fd)};
  }
  return {.status = {.mode = status.stx_mode,
                     .owner = status.stx_uid,
                     .group = status.stx_gid,
                     .size = status.stx_size,
                     .device_major = status.stx_rdev_major,
                     .device_minor = status.stx_rdev_minor},
          .mount = (status.stx_mask & STATX_MNT_ID) != 0 ? status.stx_mnt_id : 0};
}

bool is_on_mount(int directory, const std::string& name, std::uint64_t id) noexcept {
  const struct statx status = status_of_mount(directory, name.c_str());
  return (status.stx_mask & STATX_MNT_ID) != 0 && status.stx_mnt_id == id;
}

}  // namespace nvhook
