// SPDX-License-Identifier: Apache-2.0
// Asks statx, or before Linux 5.8 compares with the mount of the parent directory.
#include "os/mount_root.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <optional>
#include <string>
#include <utility>

#include "os/mount_id.hpp"

namespace nvhook {
namespace {

UniqueFd directory_above(int directory) noexcept {
  return UniqueFd(::openat(directory, "..", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

/// The directory that `file` is in. There is no `..` of a file, but the kernel knows its path.
UniqueFd directory_of(int file, const RootDir& root) {
  const std::string path = root.path_of(file);
  return path.empty() ? UniqueFd()
                      : root.open(path.substr(0, path.rfind('/') + 1), O_PATH | O_DIRECTORY);
}

/// Whether `fd` is the root of a mount: `above`, its parent, is on another mount, or is `fd` itself
/// (the topmost directory).
bool is_on_another_mount(int fd, int above) noexcept {
  const std::uint64_t id = mount_id_of(fd);
  const std::uint64_t id_above = mount_id_of(above);
  return id != 0 && id_above != 0 && (id != id_above || is_same_file(fd, above));
}

bool is_mount_root(int directory) noexcept {
  if (const auto told = is_mount_root_by_attribute(directory)) return *told;
  const UniqueFd above = directory_above(directory);
  return above && is_on_another_mount(directory, above.get());
}

UniqueFd duplicate(int fd) noexcept { return UniqueFd(::fcntl(fd, F_DUPFD_CLOEXEC, 3)); }

}  // namespace

bool is_mount_root(int fd, const RootDir& root) {
  if (const auto told = is_mount_root_by_attribute(fd)) return *told;
  if (status_of(fd).is_directory()) return is_mount_root(fd);
  const UniqueFd directory = directory_of(fd, root);
  return directory && is_on_another_mount(fd, directory.get());
}

std::optional<FileIdentity> mounted_file(int fd, const RootDir& root) {
  struct stat status {};
  if (!is_mount_root(fd, root) || ::fstat(fd, &status) != 0) return std::nullopt;
  return identity_of(status);
}

UniqueFd mount_root_of(int fd, const RootDir& root) {
  // The case of nearly all calls.
  if (on_same_mount(fd, root.fd()) && is_mount_root(root.fd())) return duplicate(root.fd());
  if (is_mount_root(fd, root)) return duplicate(fd);
  UniqueFd at = status_of(fd).is_directory() ? duplicate(fd) : directory_of(fd, root);
  while (at && !is_mount_root(at.get())) {
    UniqueFd above = directory_above(at.get());
    // At the topmost directory and still not a mount's root: the kernel does not report it.
    if (above && is_same_file(at.get(), above.get())) return UniqueFd();
    at = std::move(above);
  }
  // A mount over one of the directories on the way would lead elsewhere.
  return at && on_same_mount(at.get(), fd) ? std::move(at) : UniqueFd();
}

}  // namespace nvhook
