// SPDX-License-Identifier: Apache-2.0
// A container that runs, pinned so that it can be changed from outside.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "command/containers/attach_record.hpp"
#include "command/containers/container_records.hpp"
#include "image/own_layer.hpp"
#include "inject/container_process.hpp"
#include "oci/container_spec.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

/// All of it belongs to one process, whatever takes its number later.
struct LiveContainer {
  ContainerRecord record = {};
  std::unique_ptr<ContainerProcess> process = {};
  /// Its root directory, opened in its mount namespace. Everything below is hostile.
  std::unique_ptr<RootDir> root = {};
  /// Its config.json on the host, and what was parsed of it; absent for a container that no engine
  /// knows (LXC).
  std::string config_json = {};
  std::optional<ContainerSpec> spec = {};
  /// What attach and detach changed before; always there.
  std::unique_ptr<AttachRecord> changes = {};
  /// Whether the cgroup is known that was made for this container alone.
  bool has_own_cgroup = false;

  /// Text of the mountinfo of this host when the container was pinned.
  std::string host_mountinfo = {};

  /// Where files may be made in it. Must not outlive this object.
  [[nodiscard]] OwnLayer layer() const;
};

/// Pins the container of `record`, which must run. Throws Error(container_gone) if it does not or
/// its number belongs to another process, Error(container_frozen) if it is paused,
/// Error(namespace_denied) if this process may not change it, Error(container_shares_namespace) if
/// it has no mount namespace of its own, and Error(rootfs_invalid) if its root directory is not one
/// that an engine made for it: the host's, a volume's, or that of a process in a chroot.
[[nodiscard]] LiveContainer pin_container(const ContainerRecord& record, const RootDir& system);

}  // namespace nvhook
