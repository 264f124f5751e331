// SPDX-License-Identifier: Apache-2.0
// What of the driver is in a running container: files that are mounted, device nodes, links and
// loader cache entries.
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

/// A file, directory or socket of the driver, told by where it is mounted.
struct MountedFile {
  std::string target = {};
  std::string source = {};  ///< on its file system
  bool is_deleted = false;
  const Component* component = nullptr;
  /// Of a file that has the driver's version in its name: that version.
  std::string version = {};

  friend bool operator==(const MountedFile&, const MountedFile&) = default;
};

/// What `entry` is of the driver; nothing if it is not.
[[nodiscard]] std::optional<MountedFile> as_driver_file(const MountEntry& entry);

struct ContainerNode {
  std::string path = {};
  DeviceNumber number = {};

  friend bool operator==(const ContainerNode&, const ContainerNode&) = default;
};

struct ContainerDriver {
  std::vector<MountedFile> files = {};
  std::vector<ContainerNode> nodes = {};
  /// Names of /proc/driver/nvidia/gpus.
  std::vector<std::string> gpus = {};
  /// Links beside the libraries that lead nowhere.
  std::vector<std::string> dangling_links = {};
  /// Libraries of the driver that the loader cache names, and those of them that are not there.
  std::vector<std::string> cached = {};
  std::vector<std::string> missing_cached = {};
  /// Targets of a plan that are not there; empty without one.
  std::vector<std::string> missing = {};
};

/// Looks at the container whose root is `root` and whose mounts are `mounts`; everything below
/// `root` is hostile. `plan`: what it should have; may be null.
[[nodiscard]] ContainerDriver look_at_container(const RootDir& root,
                                                const std::vector<MountEntry>& mounts,
                                                const Plan* plan);

}  // namespace nvhook
