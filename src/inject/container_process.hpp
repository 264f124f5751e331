// SPDX-License-Identifier: Apache-2.0
// The container's first process, pinned so that its pid cannot come to mean another process.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"

namespace nvhook {

class ContainerProcess {
 public:
  /// Pins `pid`. Throws Error(container_gone) if there is no such process,
  /// Error(container_shares_namespace) if its mount namespace is ours, because then every mount
  /// would be made on the host, and Error(namespace_denied).
  explicit ContainerProcess(pid_t pid);

  /// This process itself, started in the mount namespace of a container that is being made (LXC,
  /// enroot, Apptainer; nvidia-container-cli without --pid). No namespace is entered, and the
  /// propagation of mounts is left to the caller.
  [[nodiscard]] static ContainerProcess standalone() { return ContainerProcess(Standalone{}); }
  [[nodiscard]] bool is_standalone() const noexcept { return !mount_namespace_; }

  /// This process itself, started by an OCI runtime in the mount namespace of the container, before
  /// pivot_root (createContainer). As standalone(), but what is made in this namespace must not
  /// propagate. Throws Error(container_shares_namespace) if it is that of the host's first process.
  [[nodiscard]] static ContainerProcess inside();
  /// Whether the mount namespace is known to be the container's own.
  [[nodiscard]] bool has_own_mounts() const noexcept { return has_own_mounts_; }

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  /// Opens the root file system at `path`, an absolute path in the container's own mount namespace.
  /// The descriptor belongs to that namespace, so what is attached below it after
  /// enter_mount_namespace() is attached there. Throws Error(rootfs_invalid) if it is not a
  /// directory, or is the root of the whole host.
  [[nodiscard]] RootDir open_rootfs(const std::string& path) const;

  /// Text of /proc/<pid>/cgroup when the process was pinned. Throws Error(cgroup_not_found) if it
  /// could not be read.
  [[nodiscard]] const std::string& cgroup_text() const;
  /// Text of its /proc/<pid>/mountinfo; empty if it cannot be read.
  [[nodiscard]] std::string mountinfo() const;
  /// The container's root user, as seen in our user namespace; it owns what we create.
  [[nodiscard]] uid_t owner_uid() const noexcept { return uid_; }
  [[nodiscard]] gid_t owner_gid() const noexcept { return gid_; }

  /// For a container that runs already: from now on cgroup_text() is `own_cgroups`, those that its
  /// engine made, wherever its processes moved since; and owner_uid() is the root user of its user
  /// namespace, whoever its first process is by now. Throws Error(namespace_denied) if the process
  /// has moved into another user namespace.
  void set_running(std::string own_cgroups);
  [[nodiscard]] bool is_running() const noexcept { return is_running_; }
  /// Opens the root directory of a container that runs: that of its mount namespace, which its
  /// processes cannot choose by chroot. Throws Error(rootfs_invalid) if its first process has
  /// another root directory, or if that is the root of this host, and Error(namespace_denied).
  [[nodiscard]] RootDir open_running_root() const;

  /// Joins its mount namespace, unless this process is standalone. Throws Error(namespace_denied,
  /// container_gone).
  void enter_mount_namespace() const;

  /// Throws Error(container_gone) if it has exited.
  void require_alive() const;

 private:
  struct Standalone {};
  explicit ContainerProcess(Standalone alone);
  void require_first_thread() const;
  void read_cgroup() const;
  void find_root_user();
  [[nodiscard]] bool has_exited() const;

  pid_t pid_;
  UniqueFd pidfd_;              // empty if the kernel has no pidfd
  UniqueFd proc_ = UniqueFd();  // /proc/<pid>
  UniqueFd stat_ = UniqueFd();  // /proc/<pid>/stat, if there is no pidfd
  UniqueFd mount_namespace_ = UniqueFd();
  bool has_own_mounts_ = true;
  bool is_running_ = false;
  uid_t uid_ = 0;
  gid_t gid_ = 0;
  // This process's own can be read at any time; few need it then.
  mutable std::optional<std::string> cgroup_text_ = {};
  mutable int cgroup_error_ = 0;
};

}  // namespace nvhook
