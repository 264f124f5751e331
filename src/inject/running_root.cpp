// SPDX-License-Identifier: Apache-2.0
// Tells the root of a container that runs from the root of the host by what the kernel says of
// both.
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <limits>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "inject/container_process.hpp"
#include "os/file_status.hpp"
#include "os/files.hpp"
#include "os/mount_id.hpp"
#include "os/syscalls.hpp"
#include "text/error.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

std::optional<std::string> read_small(int directory, const char* name) {
  constexpr std::size_t kMaxMap = 65536;
  const UniqueFd file = sys::open_beneath(directory, name, O_RDONLY, 0);
  return file ? read_all(file.get(), kMaxMap) : std::nullopt;
}

/// After it has joined a mount namespace, the root directory of a process is that of the namespace.
/// A thread with a root directory of its own joins it, so that this process stays where it is.
UniqueFd open_root_of_namespace(int mount_namespace) {
  UniqueFd root;
  int error = 0;
  std::thread([&] {
    if (::unshare(CLONE_FS) == 0 && ::setns(mount_namespace, CLONE_NEWNS) == 0) {
      root = sys::open_beneath(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
    }
    error = errno;
  }).join();
  errno = error;
  return root;
}

/// Returns the number that root of a user namespace has outside; `map` is the text of a
/// /proc/<pid>/uid_map or gid_map (user_namespaces(7)).
std::optional<unsigned> outside_number_of_root(std::string_view map) {
  for (const std::string_view line : split_list(map, '\n')) {
    const std::vector<std::string_view> words = split_list(line, ' ');
    if (words.size() != 3 || words[0] != "0") continue;
    const auto outside = parse_unsigned(words[1]);
    if (outside && *outside <= std::numeric_limits<unsigned>::max()) {
      return static_cast<unsigned>(*outside);
    }
  }
  return std::nullopt;
}

bool is_same_place(int a, int b) { return is_same_file(a, b) && on_same_mount(a, b); }

}  // namespace

/// The mount namespace belongs to the user namespace that the container was made in.
void ContainerProcess::find_root_user() {
  const UniqueFd owner(::ioctl(mount_namespace_.get(), NS_GET_USERNS));
  const UniqueFd own = sys::open_beneath(proc_.get(), "ns/user", O_RDONLY, 0);
  const auto uids = read_small(proc_.get(), "uid_map");
  const auto gids = read_small(proc_.get(), "gid_map");
  const auto uid = uids ? outside_number_of_root(*uids) : std::nullopt;
  const auto gid = gids ? outside_number_of_root(*gids) : std::nullopt;
  if (!owner || !own || !is_same_file(owner.get(), own.get()) || !uid || !gid) {
    throw Error(Code::namespace_denied,
                "process " + std::to_string(pid_) +
                    " is not in the user namespace of its container, or that may not be seen",
                "call it as root; for a container of your own, podman unshare oci-nvidia …");
  }
  uid_ = *uid;
  gid_ = *gid;
}

void ContainerProcess::set_running(std::string own_cgroups) {
  find_root_user();
  cgroup_text_ = std::move(own_cgroups);
  is_running_ = true;
}

RootDir ContainerProcess::open_running_root() const {
  const std::string name = "process " + std::to_string(pid_);
  UniqueFd root = open_root_of_namespace(mount_namespace_.get());
  if (!root) {
    throw_errno(Code::namespace_denied, "look at the root directory of " + name,
                "call it as root; for a container of your own, podman unshare oci-nvidia …");
  }
  const UniqueFd seen = sys::open_beneath(proc_.get(), "root", O_PATH | O_DIRECTORY, 0);
  require_alive();
  if (!seen || !is_same_place(root.get(), seen.get())) {
    throw Error(Code::rootfs_invalid,
                name + " has not the root directory of its mount namespace (chroot)",
                "name a container that an engine started, by its name or id");
  }
  const auto ours = open_root("/");
  if (!ours || is_same_file(root.get(), ours->fd())) {
    throw Error(Code::rootfs_invalid,
                "the root directory of " + name + " is that of the whole host",
                "name a container; a process of the host has all GPUs of the host");
  }
  return RootDir(std::move(root), FileOwner::image);
}

}  // namespace nvhook
