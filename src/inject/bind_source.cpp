// SPDX-License-Identifier: Apache-2.0
// A driver file must be writable by root alone; in a user namespace that cannot be checked.
#include "inject/bind_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "os/device_number.hpp"
#include "os/public_place.hpp"
#include "os/selinux.hpp"
#include "os/syscalls.hpp"
#include "os/user_namespace.hpp"

namespace nvhook {
namespace {

bool has_type(const FileStatus& status, SourceType type) {
  switch (type) {
    case SourceType::regular:
      return status.is_regular();
    case SourceType::directory:
      return status.is_directory();
    case SourceType::socket:
      return status.is_socket();
    case SourceType::character_device:
      return status.is_character_device();
  }
  return false;
}

void require_device(const BindMount& mount, const FileStatus& status) {
  const DeviceNumber found{status.device_major, status.device_minor};
  if (status.is_character_device() && found == mount.device) return;
  throw Error(Code::device_node_wrong,
              "invalid device node `" + mount.source.path.str() + "`: it is " +
                  (status.is_character_device() ? "device " + to_string(found)
                                                : std::string("no character device")) +
                  ", the driver's is " + to_string(mount.device.value_or(DeviceNumber{})),
              "remove the node and run nvidia-modprobe on the host");
}

/// Driver files become code in every container, so only root may have written them. In a user
/// namespace root's files belong to the overflow user, and the program has no more rights than its
/// user.
void require_trusted(const BindMount& mount, const FileStatus& status) {
  if (in_user_namespace()) return;
  if (is_only_roots(status.owner, status.mode)) return;
  const bool foreign = status.owner != 0;
  throw Error(Code::driver_file_unsafe,
              "driver file `" + mount.source.path.str() + "` " +
                  (foreign ? "belongs to user " + std::to_string(status.owner)
                           : std::string("can be written by others than root")),
              "install the driver from its package again, or correct owner and mode of the file");
}

/// Checks again who made it: what was found there may have been replaced by another user.
UniqueFd open_in_public_place(const std::string& path, const RootDir& root) {
  PlaceView place = look_at_place(root, path, MadeBy::root);
  if (place.fd) return std::move(place.fd);
  throw Error(Code::driver_file_unsafe,
              "`" + path + "`: " + (place.why_not.empty() ? "it is gone" : place.why_not),
              "start the daemon that makes it as root, in a directory that only root can write");
}

}  // namespace

UniqueFd open_source(const BindMount& mount, const RootDir& root, const RootDir& system) {
  UniqueFd source = open_unchecked_source(mount, root, system);
  require_source(mount, status_of(source.get()));
  return source;
}

UniqueFd open_unchecked_source(const BindMount& mount, const RootDir& root, const RootDir& system) {
  const std::string& path = mount.source.path.str();
  if (mount.in_public_place) return open_in_public_place(path, root);
  UniqueFd source = root.open(path, O_PATH | O_NOFOLLOW);
  if (!source) {
    const int error = errno;
    const bool is_device = mount.type == SourceType::character_device;
    std::string remedy = "check that the driver is completely installed";
    if (is_device) remedy = remedy_for_denied_device(error, remedy, system);
    errno = error;
    throw_errno(is_device ? Code::device_node_missing : Code::driver_files_missing,
                "open `" + path + "`", remedy);
  }
  return source;
}

void require_source(const BindMount& mount, const FileStatus& status) {
  if (mount.type == SourceType::character_device) {
    require_device(mount, status);
    return;
  }
  if (!has_type(status, mount.type)) {
    throw Error(Code::driver_file_unsafe,
                "`" + mount.source.path.str() + "` is not of the type it had a moment ago",
                "start the container again when the driver's installation has finished");
  }
  if (mount.type == SourceType::regular) require_trusted(mount, status);
}

}  // namespace nvhook
