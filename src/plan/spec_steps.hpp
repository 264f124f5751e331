// SPDX-License-Identifier: Apache-2.0
// What a config.json has the runtime do, as far as a plan's steps can be among it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "os/device_number.hpp"
#include "plan/plan.hpp"

namespace nvhook {

/// The path of `file` on the host.
[[nodiscard]] std::string host_path(const HostFile& file, const std::string& driver_root);

/// `ro`, `nosuid`, `nodev`, `noexec`, as far as they are set.
[[nodiscard]] std::vector<std::string> option_names(const MountAttributes& attributes);

class SpecSteps {
 public:
  /// Throws Error(spec_invalid).
  explicit SpecSteps(std::string_view json);

  /// There is a bind mount of the same source at the same place, with at least these attributes,
  /// and no later one hides it.
  [[nodiscard]] bool mounts(const BindMount& mount, const std::string& driver_root) const;

  /// There is a node of that name, whatever device it is.
  [[nodiscard]] bool has_node(const ContainerPath& path) const;
  /// There is that node of that device, and the runtime can make it.
  [[nodiscard]] bool makes_node(const ContainerPath& path, DeviceNumber number) const;
  /// `path` lies on a /dev of the container's own, where runtimes make nodes; not on one of the
  /// host's or on a volume.
  [[nodiscard]] bool can_make_node(const ContainerPath& path) const;

  /// The container gets a user namespace, in which no node can be made: runtimes mount the host's
  /// node of that path there.
  [[nodiscard]] bool has_user_namespace() const noexcept { return has_user_namespace_; }

  /// Without rules of its own a container is not restricted by every runtime: one rule more could
  /// then take from it what it had.
  [[nodiscard]] bool has_device_rules() const noexcept { return !rules_.empty(); }
  /// The container may read and write that device, when all rules were applied in their order.
  [[nodiscard]] bool allows(DeviceNumber device) const;
  /// There are rules, and they do not let the container read and write that device.
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
  /// A node or a rule; what is empty stands for everything in a rule.
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
