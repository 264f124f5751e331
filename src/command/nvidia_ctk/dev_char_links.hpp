// SPDX-License-Identifier: Apache-2.0
// Links /dev/char/MAJOR:MINOR to the driver's device nodes, by which runc and systemd name devices.
#pragma once

#include <string>
#include <vector>

#include "os/device_number.hpp"
#include "os/root_dir.hpp"

namespace nvhook {

struct DevCharLink {
  DeviceNumber number = {};
  std::string node = {};  ///< path below /dev: `nvidia0`

  friend bool operator==(const DevCharLink&, const DevCharLink&) = default;
};

/// Returns a link for each of the driver's nodes in the /dev of `root`.
[[nodiscard]] std::vector<DevCharLink> links_of_nodes(const RootDir& root);

/// Returns a link for each node that the driver of `system` can have, also if it is not there yet:
/// control nodes, GPUs, and all MIG capabilities.
[[nodiscard]] std::vector<DevCharLink> possible_links(const RootDir& system);

enum class LinkResult {
  present,  ///< a link to that device, or with that text, is there already
  made,
  occupied,  ///< something else is there, and stays
};

/// The directory of the links, which is made if only its last component is missing.
class LinkDirectory {
 public:
  /// Throws Error(device_node_missing).
  LinkDirectory(const RootDir& system, std::string path);

  /// Makes `<number>` a link to `target`. Throws Error(device_node_missing).
  [[nodiscard]] LinkResult make(DeviceNumber number, const std::string& target) const;

 private:
  [[nodiscard]] bool leads_to(DeviceNumber number, const std::string& target) const;

  const RootDir& system_;
  std::string path_;
  UniqueFd directory_;
};

}  // namespace nvhook
