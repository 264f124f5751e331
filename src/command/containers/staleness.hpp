// SPDX-License-Identifier: Apache-2.0
// What a running container has of the driver, against the driver that the host has today.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "command/containers/container_driver.hpp"
#include "command/containers/device_access.hpp"
#include "host/facts/inventory.hpp"
#include "plan/plan.hpp"
#include "text/error.hpp"

namespace nvhook {

/// The host, and what the container asks for.
struct Today {
  /// Null: the host has no driver that can be used (`failure`).
  const Inventory* inventory = nullptr;
  std::optional<Error> failure = {};
  /// What the container would get if it were started now; null if that is not known, or nothing.
  const Plan* plan = nullptr;
  /// Whether the hook grants its devices, so that its rules must be in force.
  bool by_hook = false;
};

struct Finding {
  enum class Level { good, warning, bad };
  Level level = Level::good;
  std::string text = {};
  std::string remedy = {};

  friend bool operator==(const Finding&, const Finding&) = default;
};

/// Whether `file` is not what the host has today: the words for it; empty if it is.
[[nodiscard]] std::string why_stale(const MountedFile& file, const Inventory* today);
/// The same for a device node.
[[nodiscard]] std::string why_stale(const ContainerNode& node, const Inventory* today);

/// All that is to be said, at least one.
[[nodiscard]] std::vector<Finding> judge(const ContainerDriver& driver, const DeviceAccess& access,
                                         const Today& today);

}  // namespace nvhook
