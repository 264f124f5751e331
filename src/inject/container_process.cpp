// SPDX-License-Identifier: Apache-2.0
// Pinned by a pidfd, or on old kernels by the directory /proc/<pid>, which belongs to the process.
#include "inject/container_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "host/facts/proc_text.hpp"
#include "os/file_status.hpp"
#include "os/files.hpp"
#include "os/own_procfs.hpp"
#include "os/syscalls.hpp"
#include "text/process_text.hpp"
#include "text/text.hpp"

namespace nvhook {
namespace {

constexpr std::size_t kMaxText = 1UL << 20U;
constexpr std::size_t kMaxMountinfo = 64UL << 20U;
constexpr std::size_t kMaxStat = 4096;
constexpr const char* kStartAgain =
    "start the container again; if it goes on, the runtime's log says why it died";
constexpr const char* kNameRootfs =
    "name the directory that is the root file system of the container: root.path in config.json";
constexpr const char* kRunAsRoot =
    "run the hook as root, or in the user namespace that the runtime runs in";

struct stat raw_status(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw_errno(Code::internal, "fstat", kStartAgain);
  return status;
}

UniqueFd open_at(int directory, const char* name, int flags) {
  return sys::open_beneath(directory, name, static_cast<std::uint64_t>(flags), 0);
}

std::optional<std::string> read_text(int directory, const char* name) {
  const UniqueFd file = open_at(directory, name, O_RDONLY);
  return file ? read_all(file.get(), kMaxText) : std::nullopt;
}

bool has_line(std::string_view text, std::string_view key, std::string_view value) {
  for (const std::string_view line : split_list(text, '\n')) {
    if (line.starts_with(key)) return trim(line.substr(key.size())) == value;
  }
  return false;
}

}  // namespace

ContainerProcess::ContainerProcess(pid_t pid) : pid_(pid), pidfd_(sys::pidfd_open(pid)) {
  const std::string name = "process " + std::to_string(pid);
  // If pidfd_open is refused (ENOSYS, or EPERM by a filter), /proc/<pid> pins the process instead.
  if (!pidfd_ && errno != ENOSYS && errno != EPERM) {
    // Before Linux 6.9 EINVAL meant the same, and nothing else.
    const bool is_thread = errno == EINVAL || errno == ENOENT;
    throw_errno(Code::container_gone,
                "container " + name + (is_thread ? " is only a thread of another process" : ""),
                kStartAgain);
  }
  proc_ = open_at(AT_FDCWD, ("/proc/" + std::to_string(pid)).c_str(), O_PATH | O_DIRECTORY);
  if (!proc_) {
    throw_errno(Code::container_gone, "open `/proc/" + std::to_string(pid) + "`", kStartAgain);
  }
  if (!pidfd_) {
    require_first_thread();
    stat_ = open_at(proc_.get(), "stat", O_RDONLY);
  }
  const struct stat owner = raw_status(proc_.get());
  uid_ = owner.st_uid;
  gid_ = owner.st_gid;
  mount_namespace_ = open_at(proc_.get(), "ns/mnt", O_RDONLY);
  struct stat ours {};
  if (!mount_namespace_ || ::fstatat(own_procfs(), "self/ns/mnt", &ours, 0) != 0) {
    throw_errno(errno == ENOENT ? Code::container_gone : Code::namespace_denied,
                "open the mount namespace of " + name, kRunAsRoot);
  }
  if (is_same_file(raw_status(mount_namespace_.get()), ours)) {
    throw Error(Code::container_shares_namespace,
                name + " has no mount namespace of its own: every mount would be on the host",
                "give the container a mount namespace in config.json (linux.namespaces)");
  }
  read_cgroup();
  // The process was pinned first: if it is alive now, everything opened in between belongs to it.
  require_alive();
}

ContainerProcess::ContainerProcess(Standalone /*alone*/)
    : pid_(::getpid()),
      proc_(open_at(AT_FDCWD, "/proc/self", O_PATH | O_DIRECTORY)),
      has_own_mounts_(false),
      uid_(::geteuid()),
      gid_(::getegid()) {
  if (!proc_) throw_errno(Code::namespace_denied, "open `/proc/self`", "mount proc on /proc");
}

/// Processes of a user namespace may not look at the host's first process: theirs is another.
ContainerProcess ContainerProcess::inside() {
  ContainerProcess process = standalone();
  struct stat ours {};
  struct stat first {};
  const bool is_hosts = ::fstatat(own_procfs(), "self/ns/mnt", &ours, 0) == 0 &&
                        ::fstatat(own_procfs(), "1/ns/mnt", &first, 0) == 0 &&
                        is_same_file(ours, first);
  if (is_hosts) {
    throw Error(
        Code::container_shares_namespace,
        "the hook runs in the mount namespace of the host: every mount would be on the host",
        "let an OCI runtime start it, at createContainer, for a container with a mount "
        "namespace of its own");
  }
  process.has_own_mounts_ = true;
  return process;
}

/// /proc/<tid> also resolves, but pidfd_open needs a thread-group leader.
void ContainerProcess::require_first_thread() const {
  const auto text = read_text(proc_.get(), "status");
  if (text && has_line(*text, "Tgid:", std::to_string(pid_))) return;
  throw Error(Code::container_gone,
              "container process " + std::to_string(pid_) +
                  " is no process: it has exited, or is a "
                  "thread of another one",
              kStartAgain);
}

/// Reads it early, because a /proc with `hidepid` later shows it only to processes that may trace.
void ContainerProcess::read_cgroup() const {
  cgroup_text_ = read_text(proc_.get(), "cgroup");
  if (!cgroup_text_) cgroup_error_ = errno;
}

/// An opened file of /proc belongs to its process: after the process has ended, reading it gives
/// nothing, even if the number is used again.
bool ContainerProcess::has_exited() const {
  if (is_standalone()) return false;
  if (!pidfd_) {
    std::array<char, kMaxStat> text{};
    const ssize_t size = ::pread(stat_.get(), text.data(), text.size(), 0);
    return size <= 0 || is_dead({text.data(), static_cast<std::size_t>(size)});
  }
  pollfd exited{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&exited, 1, 0) != 0;
}

void ContainerProcess::require_alive() const {
  if (has_exited()) {
    throw Error(Code::container_gone, "container process " + std::to_string(pid_) + " has exited",
                kStartAgain);
  }
}

RootDir ContainerProcess::open_rootfs(const std::string& path) const {
  const std::string what = "open root file system `" + path + "`";
  UniqueFd process_root = open_at(proc_.get(), "root", O_PATH | O_DIRECTORY);
  if (!process_root) throw_errno(Code::namespace_denied, what, kRunAsRoot);
  const RootDir container_view(std::move(process_root));
  UniqueFd rootfs = container_view.open(path, O_PATH | O_DIRECTORY);
  if (!rootfs) {
    const int error = errno;
    if (const auto own = open_root("/"); own && !is_same_file(own->fd(), container_view.fd())) {
      throw Error(Code::wrong_stage, what + ": the container has its own root already (poststart)",
                  "register the hook at createRuntime (or prestart), before the container starts");
    }
    errno = error;
    throw_errno(Code::rootfs_invalid, what, kNameRootfs);
  }
  if (is_same_file(raw_status(rootfs.get()), raw_status(container_view.fd()))) {
    throw Error(Code::rootfs_invalid, what + ": it is the root of the whole host", kNameRootfs);
  }
  return RootDir(std::move(rootfs), FileOwner::image);
}

const std::string& ContainerProcess::cgroup_text() const {
  if (!cgroup_text_ && is_standalone()) read_cgroup();
  if (!cgroup_text_) {
    errno = cgroup_error_;
    throw_errno(Code::cgroup_not_found, "read `/proc/" + std::to_string(pid_) + "/cgroup`",
                kStartAgain);
  }
  return *cgroup_text_;
}

std::string ContainerProcess::mountinfo() const {
  const UniqueFd file = open_at(proc_.get(), "mountinfo", O_RDONLY);
  return file ? read_all(file.get(), kMaxMountinfo).value_or("") : std::string();
}

void ContainerProcess::enter_mount_namespace() const {
  if (is_standalone()) return;
  if (::setns(mount_namespace_.get(), CLONE_NEWNS) != 0) {
    throw_errno(Code::namespace_denied,
                "enter the mount namespace of process " + std::to_string(pid_),
                "run the hook with CAP_SYS_ADMIN and CAP_SYS_CHROOT over the container's user "
                "namespace");
  }
  require_alive();
}

}  // namespace nvhook
