// SPDX-License-Identifier: Apache-2.0
// Compares a CDI specification with the host of today.
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
  /// True if containers do not start, or get another device or a driver that does not work; false
  /// if something is only missing in the file.
  bool is_broken = false;
  std::string text = {};
  std::string gone_hook = {};  ///< the path of the hook, if what is wrong is that it is gone

  friend bool operator==(const CdiFinding&, const CdiFinding&) = default;
};

/// Returns the host paths that `spec` contains, each once.
[[nodiscard]] std::set<std::string> host_paths(const CdiSpec& spec);

/// Whether `spec` has a hook of this program.
[[nodiscard]] bool is_of_this_program(const CdiSpec& spec);

/// Reports a version that is lower than what the specification uses, files, nodes and hooks that
/// are gone, nodes with other numbers, and libraries of another driver than the loaded one. For a
/// specification of GPUs (kind `….nvidia.com/gpu`, or one of this program) also reports names of
/// GPUs and MIG devices that are gone or have other nodes now, and GPUs and MIG devices without a
/// name. `paths` has the facts for host_paths(spec). MIG devices in `inventory` must have their
/// indices and UUIDs.
[[nodiscard]] std::vector<CdiFinding> check_cdi(const CdiSpec& spec, const Inventory& inventory,
                                                const CdiPaths& paths);

}  // namespace nvhook
