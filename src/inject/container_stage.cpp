// SPDX-License-Identifier: Apache-2.0
// Decides by facts of /proc and of the root file system, not by what the caller says.
#include "inject/container_stage.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "os/file_status.hpp"
#include "os/mount_id.hpp"
#include "os/mount_root.hpp"
#include "os/read_link.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxParams = 1UL << 16U;

/// True in createContainer, which runs in the container's pid namespace while /proc is the host's.
bool has_another_number_in_proc(const RootDir& system) {
  const auto number = read_link_at(system.fd(), "proc/self");
  return number && parse_unsigned(*number) != static_cast<std::uint64_t>(::getpid());
}

bool shares_mount_namespace(pid_t pid, const RootDir& system) {
  struct stat ours {};
  struct stat other {};
  const std::string name = "proc/" + std::to_string(pid) + "/ns/mnt";
  return ::fstatat(system.fd(), "proc/self/ns/mnt", &ours, 0) == 0 &&
         ::fstatat(system.fd(), name.c_str(), &other, 0) == 0 && is_same_file(ours, other);
}

}  // namespace

HookLocation find_location(pid_t pid, const RootDir& system) {
  if (pid <= 1 || has_another_number_in_proc(system)) return HookLocation::inside;
  return shares_mount_namespace(pid, system) ? HookLocation::same_mount_namespace
                                             : HookLocation::outside;
}

bool has_driver_by_hook(const RootDir& rootfs) {
  const UniqueFd proc = rootfs.open("/proc/driver/nvidia", O_PATH | O_DIRECTORY | O_NOFOLLOW);
  struct statfs filesystem {};
  const bool is_own_tmpfs = proc && is_mount_root(proc.get(), rootfs) &&
                            ::fstatfs(proc.get(), &filesystem) == 0 &&
                            filesystem.f_type == TMPFS_MAGIC;
  if (!is_own_tmpfs) return false;
  const auto params = rootfs.read("/proc/driver/nvidia/params", kMaxParams);
  if (!params || params->find("ModifyDeviceFiles: 0\n") == std::string::npos) return false;
  const UniqueFd node = rootfs.open("/dev/nvidiactl", O_PATH | O_NOFOLLOW);
  return node && status_of(node.get()).is_character_device();
}

}  // namespace nvhook
