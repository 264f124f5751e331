// SPDX-License-Identifier: Apache-2.0
// Which mount a descriptor is on: statx tells, and before Linux 5.8 fdinfo and the directory above.
#include "system/mount_id.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/text.hpp"
#include "system/own_procfs.hpp"

namespace nvhook {
namespace {

struct statx status_of_mount(int fd, const char* name = "") noexcept {
  struct statx status {};
  // The kernel knows it by itself: no server of a FUSE or NFS mount is to be asked.
  const int flags = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
  if (::statx(fd, name, flags, STATX_MNT_ID, &status) != 0) return {};
  return status;
}

/// The line `mnt_id:` of the descriptor's text in procfs; 0 if there is none.
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

/// Nothing where the kernel's statx does not know (before 5.8).
std::optional<bool> is_root_by_attribute(int fd) noexcept {
  const struct statx status = status_of_mount(fd);
  if ((status.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) == 0) return std::nullopt;
  return (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

UniqueFd directory_above(int directory) noexcept {
  return UniqueFd(::openat(directory, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/// The directory that a file is in. From a file there is no way up; the kernel knows its name.
UniqueFd directory_of(int file, const RootDir& root) {
  const std::string path = root.path_of(file);
  return path.empty() ? UniqueFd()
                      : root.open(path.substr(0, path.rfind('/') + 1), O_PATH | O_DIRECTORY);
}

/// What is at the top of a mount has another mount above it, or, at the top of all, itself.
bool is_on_another_mount(int fd, int above) noexcept {
  const std::uint64_t id = mount_id_of(fd);
  const std::uint64_t id_above = mount_id_of(above);
  return id != 0 && id_above != 0 && (id != id_above || is_same_file(fd, above));
}

bool is_mount_root(int directory) noexcept {
  if (const auto told = is_root_by_attribute(directory)) return *told;
  const UniqueFd above = directory_above(directory);
  return above && is_on_another_mount(directory, above.get());
}

UniqueFd duplicate(int fd) noexcept { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 3)); }

}  // namespace

std::uint64_t mount_id_of(int fd) noexcept {
  const struct statx status = status_of_mount(fd);
  return (status.stx_mask & STATX_MNT_ID) != 0 ? status.stx_mnt_id : mount_id_by_procfs(fd);
}

bool is_same_file(int a, int b) noexcept {
  struct stat first {};
  struct stat second {};
  return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
         first.st_ino == second.st_ino;
}

bool on_same_mount(int a, int b) noexcept {
  const std::uint64_t id = mount_id_of(a);
  return id != 0 && id == mount_id_of(b);
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

bool is_mount_root(int fd, const RootDir& root) {
  if (const auto told = is_root_by_attribute(fd)) return *told;
  if (status_of(fd).is_directory()) return is_mount_root(fd);
  const UniqueFd directory = directory_of(fd, root);
  return directory && is_on_another_mount(fd, directory.get());
}

UniqueFd mount_root_of(int fd, const RootDir& root) {
  // So it is for nearly all.
  if (on_same_mount(fd, root.fd()) && is_mount_root(root.fd())) return duplicate(root.fd());
  if (is_mount_root(fd, root)) return duplicate(fd);
  UniqueFd at = status_of(fd).is_directory() ? duplicate(fd) : directory_of(fd, root);
  while (at && !is_mount_root(at.get())) {
    UniqueFd above = directory_above(at.get());
    // At the top of all, and still no root: the kernel does not tell.
    if (above && is_same_file(at.get(), above.get())) return UniqueFd();
    at = std::move(above);
  }
  // A mount over the directories on the way would lead elsewhere.
  return at && on_same_mount(at.get(), fd) ? std::move(at) : UniqueFd();
}

}  // namespace nvhook
