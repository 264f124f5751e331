// SPDX-License-Identifier: Apache-2.0
// Compares what a running container has of the driver with the driver that the host has today.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "command/containers/container_driver.hpp"
#include "command/containers/device_access.hpp"
#include "command/containers/missing_driver.hpp"
#include "host/facts/inventory.hpp"
#include "plan/plan.hpp"
#include "text/error.hpp"

namespace nvhook {

/// The host today, and what the container asks for.
struct Today {
  /// The word by which root's commands find the container; empty if root's engines do not know it.
  std::string container = {};
  /// Null if the host has no usable driver; then `failure` says why.
  const Inventory* inventory = nullptr;
  std::optional<Error> failure = {};
  /// What the container would get if it were started now; null if unknown or nothing.
  const Plan* plan = nullptr;
  /// Why it asks for nothing; empty if that is not known.
  std::string no_request = {};
  /// Why nothing of the driver is there, if so.
  MissingDriver missing = {};
  /// True if the hook grants the devices, so that its rules must be in force.
  bool by_hook = false;
};

struct Finding {
  enum class Level { good, warning, bad };
  Level level = Level::good;
  std::string text = {};
  std::string remedy = {};

  friend bool operator==(const Finding&, const Finding&) = default;
};

/// Returns why `file` is not what the host has today; empty if it is.
[[nodiscard]] std::string why_stale(const MountedFile& file, const Inventory* today);
/// Returns why the device node is not what the host has today; empty if it is.
[[nodiscard]] std::string why_stale(const ContainerNode& node, const Inventory* today);

/// Returns all findings, at least one.
[[nodiscard]] std::vector<Finding> judge(const ContainerDriver& driver, const DeviceAccess& access,
                                         const Today& today);

}  // namespace nvhook
