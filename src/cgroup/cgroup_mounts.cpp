// SPDX-License-Identifier: Apache-2.0
// Looks at the usual mount points first and writes their mountinfo lines itself.
#include "cgroup/cgroup_mounts.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <optional>

#include "cgroup/cgroup_text.hpp"
#include "os/files.hpp"
#include "os/syscalls.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxMountinfo = 64UL << 20U;
// Inode of the root cgroup of every hierarchy. Where only a part of a hierarchy is mounted, as in a
// container, the top of that part has another number.
constexpr ino_t kRootCgroup = 1;

// Inode of the initial cgroup namespace (the kernel's PROC_CGROUP_INIT_INO).
constexpr ino_t kInitialNamespace = 0xEFFFFFFB;

/// In another cgroup namespace, paths of cgroups begin at its own root and not at the hierarchy's.
bool is_in_initial_namespace(const RootDir& system) {
  struct stat status {};
  if (::fstatat(system.fd(), "proc/self/ns/cgroup", &status, 0) == 0) {
    return status.st_ino == kInitialNamespace;
  }
  return errno == ENOENT;  // before Linux 4.6
}

struct UsualMount {
  const char* path;
  DeviceCgroup::Version version;
};
constexpr UsualMount kUsualMounts[] = {
    {"/sys/fs/cgroup", DeviceCgroup::Version::v2},
    {"/sys/fs/cgroup/devices", DeviceCgroup::Version::v1},
    {"/sys/fs/cgroup/unified", DeviceCgroup::Version::v2},
};

/// Whether the whole of such a hierarchy is mounted at `place`.
bool is_whole_hierarchy(const RootDir& system, const UsualMount& place) {
  const UniqueFd directory = system.open(place.path, O_PATH | O_DIRECTORY);
  struct statfs filesystem {};
  struct stat status {};
  if (!directory || ::fstatfs(directory.get(), &filesystem) != 0 ||
      ::fstat(directory.get(), &status) != 0 || status.st_ino != kRootCgroup) {
    return false;
  }
  if (place.version == DeviceCgroup::Version::v2) return filesystem.f_type == CGROUP2_SUPER_MAGIC;
  // Only the devices controller of v1 has this file.
  return filesystem.f_type == CGROUP_SUPER_MAGIC &&
         ::fstatat(directory.get(), "devices.list", &status, AT_SYMLINK_NOFOLLOW) == 0;
}

/// A line of mountinfo (proc(5)) with the fields that matter here.
std::string line_of(const UsualMount& place) {
  const bool is_v1 = place.version == DeviceCgroup::Version::v1;
  return std::string("1 1 0:1 / ") + place.path + " rw - " +
         (is_v1 ? "cgroup cgroup rw,devices" : "cgroup2 cgroup2 rw") + "\n";
}

std::optional<std::string> usual_place(const RootDir& system, DeviceCgroup::Version version) {
  for (const UsualMount& place : kUsualMounts) {
    if (place.version == version && is_whole_hierarchy(system, place)) return line_of(place);
  }
  return std::nullopt;
}

}  // namespace

std::string cgroup_mountinfo(const RootDir& system, std::string_view cgroup) {
  if (!is_in_initial_namespace(system)) return own_mountinfo(system);
  std::string lines;
  for (const DeviceCgroup& listed : listed_device_cgroups(cgroup)) {
    const auto line = usual_place(system, listed.version);
    if (!line) return own_mountinfo(system);
    lines += *line;
  }
  return lines;
}

std::string own_mountinfo(const RootDir& system) {
  const UniqueFd file = system.open("/proc/self/mountinfo", O_RDONLY);
  auto mountinfo = file ? read_all(file.get(), kMaxMountinfo) : std::nullopt;
  if (!mountinfo) {
    throw_errno(Code::cgroup_not_found, "read `/proc/self/mountinfo`", "mount proc on /proc");
  }
  return *std::move(mountinfo);
}

}  // namespace nvhook
