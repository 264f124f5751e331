// SPDX-License-Identifier: Apache-2.0
// What config.json says of a container, as far as it matters here.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace nvhook {

/// Name → value; the last of duplicate names counts, as in runtimes.
using Environment = std::map<std::string, std::string, std::less<>>;

/// Key → value.
using Annotations = std::map<std::string, std::string, std::less<>>;

/// `mounts[]`: the fields needed for device requests by volume mounts (docs/behaviour.md §2.4), and
/// to distinguish volumes from file systems that the runtime makes for this container.
struct SpecMount {
  enum class Kind {
    tmpfs,   ///< a new tmpfs, only this container's
    kernel,  ///< proc, sysfs, cgroup, mqueue, devpts: the kernel's own
    volume,  ///< everything else: bind mounts, whatever their type says, and unknown types
  };

  std::string source = {};
  std::string destination = {};
  Kind kind = Kind::volume;

  friend bool operator==(const SpecMount&, const SpecMount&) = default;
};

struct ContainerSpec {
  /// `root.path` as written; relative to the bundle unless it starts with a slash.
  std::string root = {};
  Environment environment = {};
  /// `root.readonly`.
  bool root_read_only = false;
  /// In the order in which the runtime mounts them.
  std::vector<SpecMount> mounts = {};
  /// CAP_SYS_ADMIN is in the bounding set (docs/behaviour.md §1.4).
  bool privileged = false;
  /// `annotations`, where somebody has read them (parse_annotations).
  Annotations annotations = {};

  friend bool operator==(const ContainerSpec&, const ContainerSpec&) = default;
};

}  // namespace nvhook
