// SPDX-License-Identifier: Apache-2.0
// The mounts, nodes and device rules of a config.json, compared with the steps of a plan.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "os/device_number.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// Returns the path of `file` on the host.
[[nodiscard]] std::string host_path(const HostFile& file, const std::string& driver_root);

/// Returns `ro`, `nosuid`, `nodev`, `noexec`, as far as they are set.
[[nodiscard]] std::vector<std::string> option_names(const MountAttributes& attributes);

class SpecSteps {
 public:
  /// Throws Error(spec_invalid).
  explicit SpecSteps(std::string_view json);

  /// Whether there is a bind mount of the same source and target, with at least these attributes,
  /// that no later mount hides.
  [[nodiscard]] bool mounts(const BindMount& mount, const std::string& driver_root) const;

  /// Whether there is a node of that name, whatever device it is.
  [[nodiscard]] bool has_node(const ContainerPath& path) const;
  /// Whether there is that node with that number, and the runtime can make it.
  [[nodiscard]] bool makes_node(const ContainerPath& path, DeviceNumber number) const;
  /// Whether `path` lies on a /dev of the container's own, where runtimes make nodes, and not on
  /// one of the host or on a volume.
  [[nodiscard]] bool can_make_node(const ContainerPath& path) const;

  /// Whether the container gets a user namespace. No node can be made in it; runtimes mount the
  /// host's node of that path instead.
  [[nodiscard]] bool has_user_namespace() const noexcept { return has_user_namespace_; }

  /// Not every runtime restricts a container that has no rules. There, one additional rule could
  /// take away devices that the container had.
  [[nodiscard]] bool has_device_rules() const noexcept { return !rules_.empty(); }
  /// Whether the container may read and write that device after all rules were applied in order.
  [[nodiscard]] bool allows(DeviceNumber device) const;
  /// Whether there are rules, and they do not let the container read and write that device.
  [[nodiscard]] bool denies(DeviceNumber device) const {
    return has_device_rules() && !allows(device);
  }

 private:
  struct Mount {
    std::string destination = {};
    std::string source = {};
    std::string type = {};
    std::vector<std::string> options = {};
  };
  /// A node or a rule. In a rule an empty member matches everything.
  struct Device {
    std::string path = {};
    std::string type = {};
    std::string major = {};
    std::string minor = {};
    bool allow = false;
    std::string access = {};
  };

  static Mount mount_of(std::string_view text);
  static Device device_of(std::string_view text);

  std::vector<Mount> mounts_ = {};
  std::vector<Device> nodes_ = {};
  std::vector<Device> rules_ = {};
  bool has_user_namespace_ = false;
};

}  // namespace nvhook
