// SPDX-License-Identifier: Apache-2.0
// Which devices a request gets, beside those that other containers have.
#pragma once

#include <vector>

#include "host/facts/inventory.hpp"
#include "lease/lease.hpp"
#include "request/request.hpp"

namespace nvhook {

struct Choice {
  /// What the request asks for; of a request for free GPUs, these by name.
  DeviceSelection devices = NoDevices{};
  /// The same, as the lease has it; empty if there is no GPU.
  std::vector<LeasedDevice> leased = {};

  friend bool operator==(const Choice&, const Choice&) = default;
};

/// Chooses for `request`, with these leases of other containers (docs/leases.md). A free GPU is one
/// that no other has, not even together with others; those of the lowest indices come first, and
/// none with MIG devices, which are named one by one. Exclusive devices may be with no other
/// container, all others with none that has them exclusively. `own` is what the same container has
/// from an earlier hook: as many GPUs as it asks for are given to it again.
///
/// Throws Error(device_taken), which names who has the device; Error(no_free_device);
/// Error(unknown_device) if the host has fewer GPUs than the request asks for, and what
/// select_devices throws.
[[nodiscard]] Choice choose(const Request& request, const Inventory& inventory,
                            const std::vector<Lease>& others,
                            const std::vector<LeasedDevice>& own = {});

}  // namespace nvhook
