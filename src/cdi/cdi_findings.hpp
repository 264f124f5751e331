// SPDX-License-Identifier: Apache-2.0
// What a CDI specification says that is not so on the host today.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cdi/cdi_spec.hpp"
#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"

namespace nvhook {

/// What is at a path of the host now.
struct CdiPathFacts {
  bool exists = false;
  bool executable = false;
  std::optional<DeviceNumber> number = {};  ///< of a character device

  friend bool operator==(const CdiPathFacts&, const CdiPathFacts&) = default;
};
using CdiPaths = std::map<std::string, CdiPathFacts>;

struct CdiFinding {
  /// Containers do not start, or get another device or a driver that does not work; otherwise
  /// something is only lacking in the file.
  bool is_broken = false;
  std::string text = {};

  friend bool operator==(const CdiFinding&, const CdiFinding&) = default;
};

/// Paths of the host that `spec` names, each once.
[[nodiscard]] std::set<std::string> host_paths(const CdiSpec& spec);

/// Whether a hook of `spec` is this program's.
[[nodiscard]] bool is_of_this_program(const CdiSpec& spec);

/// Files, nodes and hooks that are gone; nodes with other numbers; libraries of another driver
/// than the loaded one; and, for a specification of GPUs (kind `….nvidia.com/gpu`, or one of
/// this program): names of GPUs and MIG devices that are gone or have other nodes now, GPUs and MIG
/// devices that have no name. `paths` tells about host_paths(spec). MIG devices in `inventory` must
/// have their indices and UUIDs.
[[nodiscard]] std::vector<CdiFinding> check_cdi(const CdiSpec& spec, const Inventory& inventory,
                                                const CdiPaths& paths);

}  // namespace nvhook
