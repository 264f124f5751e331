// SPDX-License-Identifier: Apache-2.0
// The names of GPUs and MIG devices in a CDI specification, and what each of them stands for.
#pragma once

#include <string>
#include <vector>

#include "host/facts/inventory.hpp"
#include "request/request.hpp"

namespace nvhook {

/// How GPUs and MIG devices are named.
struct CdiNaming {
  bool by_index = true;        ///< `0`, MIG `0:1`
  bool by_uuid = true;         ///< `GPU-…`, `MIG-…`
  bool by_type_index = false;  ///< `gpu0`, MIG `mig0:1`
};

/// Which devices have names.
struct CdiWanted {
  /// Indices, UUIDs, `all` or `none`; empty is all.
  std::vector<std::string> devices = {};
  bool all_device = true;  ///< whether there is a device `all`
};

/// A device name and what it means.
struct CdiName {
  std::string name = {};
  DeviceSelection selection = {};
};

/// Returns the names in the order of GPUs, each followed by its MIG devices; then `all`, which is
/// all that have a name. A device whose index or UUID is unknown has no such name. `none`, if it is
/// all that is wanted, stands alone. Throws Error(unknown_device) for a device that the host does
/// not have, and on WSL2, whose GPUs have one node, for any but `all`.
[[nodiscard]] std::vector<CdiName> cdi_names(const Inventory& inventory, CdiNaming naming,
                                             const CdiWanted& wanted = {});

}  // namespace nvhook
