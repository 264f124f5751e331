// SPDX-License-Identifier: Apache-2.0
// What a container that runs has of a driver of before.
#pragma once

#include <string>
#include <vector>

#include "command/containers/container_driver.hpp"
#include "host/facts/inventory.hpp"
#include "oci/container_spec.hpp"
#include "os/file_identity.hpp"
#include "os/root_dir.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// A mount of a file, directory or socket that the host has no longer, or not as its driver's.
struct StaleMount {
  std::string target = {};
  FileIdentity shown = {};

  friend bool operator==(const StaleMount&, const StaleMount&) = default;
};

struct StaleDriver {
  std::vector<StaleMount> mounts = {};
  /// Nodes of devices that have another number today, or are gone.
  std::vector<ContainerNode> nodes = {};
  /// Links beside libraries that lead, by other links perhaps, to one of `mounts`, or to a name of
  /// another driver that is not there.
  std::vector<Symlink> links = {};
  /// Entries of the loader cache for these mounts and links, and for libraries of another driver
  /// that are not there.
  std::vector<LoaderEntry> cached = {};

  [[nodiscard]] bool empty() const {
    return mounts.empty() && nodes.empty() && links.empty() && cached.empty();
  }
};

/// Compares what the container with the root `root` has, all of it hostile, with `today`. What
/// `spec` (may be null) says to mount is left out as long as the file that it shows exists: the
/// user wants that one.
[[nodiscard]] StaleDriver find_stale_driver(const RootDir& root, const ContainerDriver& has,
                                            const Inventory& today, const ContainerSpec* spec);

}  // namespace nvhook
