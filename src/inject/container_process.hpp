// SPDX-License-Identifier: Apache-2.0
// The container's first process, pinned so that its pid cannot come to mean another one.
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
  /// would be one on the host, and Error(namespace_denied).
  explicit ContainerProcess(pid_t pid);

  /// This process itself, which somebody started in the mount namespace of the container that is
  /// being made (LXC, enroot, Apptainer; nvidia-container-cli without --pid): nothing is entered,
  /// and the propagation of its mounts is the caller's affair.
  [[nodiscard]] static ContainerProcess standalone() { return ContainerProcess(Standalone{}); }
  [[nodiscard]] bool is_standalone() const noexcept { return !mount_namespace_; }

  /// The root file system at `path`, an absolute path as the container's own mount namespace has
  /// it: the descriptor belongs to that namespace, so what is attached below it after
  /// enter_mount_namespace() is attached there. Throws Error(rootfs_invalid) for one that is not a
  /// directory or is the root of everything.
  [[nodiscard]] RootDir open_rootfs(const std::string& path) const;

  /// Text of /proc/<pid>/cgroup when the process was pinned. Throws Error(cgroup_not_found) if it
  /// could not be read.
  [[nodiscard]] const std::string& cgroup_text() const;
  /// Text of its /proc/<pid>/mountinfo; empty if it cannot be read.
  [[nodiscard]] std::string mountinfo() const;
  /// The container's root user, as our user namespace sees it: owner of what we create.
  [[nodiscard]] uid_t owner_uid() const noexcept { return uid_; }
  [[nodiscard]] gid_t owner_gid() const noexcept { return gid_; }

  /// Joins its mount namespace, unless this process stands alone. Throws Error(namespace_denied),
  /// Error(container_gone).
  void enter_mount_namespace() const;

  /// Throws Error(container_gone) if it has exited.
  void require_alive() const;

 private:
  struct Standalone {};
  explicit ContainerProcess(Standalone alone);
  void require_first_thread() const;
  void read_cgroup();
  [[nodiscard]] bool has_exited() const;

  pid_t pid_;
  UniqueFd pidfd_;              // empty where the kernel has none
  UniqueFd proc_ = UniqueFd();  // /proc/<pid>
  UniqueFd stat_ = UniqueFd();  // /proc/<pid>/stat, where there is no pidfd
  UniqueFd mount_namespace_ = UniqueFd();
  uid_t uid_ = 0;
  gid_t gid_ = 0;
  std::optional<std::string> cgroup_text_ = {};
  int cgroup_error_ = 0;
};

}  // namespace nvhook
