// SPDX-License-Identifier: Apache-2.0
// What a running container has of the driver: mounted files, device nodes, links and loader cache
// entries.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "command/render/mount_table.hpp"
#include "host/facts/component.hpp"
#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"
#include "os/root_dir.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// A mounted file, directory or socket of the driver, recognised by its target.
struct MountedFile {
  std::string target = {};
  std::string source = {};  ///< path on its own file system
  bool is_deleted = false;
  const Component* component = nullptr;
  /// The driver version in the file's name; empty if the name has none.
  std::string version = {};

  friend bool operator==(const MountedFile&, const MountedFile&) = default;
};

/// Returns the driver file that `entry` mounts; nullopt if it is not one.
[[nodiscard]] std::optional<MountedFile> as_driver_file(const MountEntry& entry);

struct ContainerNode {
  std::string path = {};
  DeviceNumber number = {};

  friend bool operator==(const ContainerNode&, const ContainerNode&) = default;
};

struct ContainerDriver {
  std::vector<MountedFile> files = {};
  std::vector<ContainerNode> nodes = {};
  /// The names in /proc/driver/nvidia/gpus.
  std::vector<std::string> gpus = {};
  /// Links beside the libraries whose targets do not exist.
  std::vector<std::string> dangling_links = {};
  /// The driver's libraries that the loader cache names, and those of them that do not exist.
  std::vector<std::string> cached = {};
  std::vector<std::string> missing_cached = {};
  /// Targets of the plan that do not exist; empty without a plan.
  std::vector<std::string> missing = {};
};

/// Examines the container with the root `root` and the mounts `mounts`. Everything below `root` is
/// hostile. `plan` is what the container should have; it may be null.
[[nodiscard]] ContainerDriver look_at_container(const RootDir& root,
                                                const std::vector<MountEntry>& mounts,
                                                const Plan* plan);

}  // namespace nvhook
