// SPDX-License-Identifier: Apache-2.0
// Which GPUs a list of words asks for, and whether for one container alone.
#pragma once

#include <string_view>
#include <vector>

#include "request/device_selection.hpp"

namespace nvhook {

/// What a list of device names asks for.
struct WantedDevices {
  DeviceSelection devices = NoDevices{};
  /// Of `any` and `any:N`: how many free GPUs, which nothing names before the host is read
  /// (src/lease). 0 if `devices` says all.
  unsigned free_gpus = 0;
  /// `any`, `any:N`, `exclusive:…`: no other container gets the devices meanwhile.
  bool is_exclusive = false;

  friend bool operator==(const WantedDevices&, const WantedDevices&) = default;
};

/// Reads the words of a list without names by CDI (docs/behaviour.md §2.3, docs/leases.md). The
/// first of `all` (in any case) and, if `has_none`, of `none` decides; a range `0-3` is its
/// indices; `exclusive:` before the first word belongs to the whole list. Throws
/// Error(invalid_request) for `any` beside other words, for a number of GPUs that is none, and for
/// `exclusive:` elsewhere.
[[nodiscard]] WantedDevices read_wanted_devices(std::vector<std::string_view> words, bool has_none);

/// Whether `devices` are the indices 0 to N-1 for some N, in this order: what Docker makes of
/// `--gpus N`. Returns N; 0 if they are something else.
[[nodiscard]] unsigned count_asked_for(const DeviceSelection& devices);

}  // namespace nvhook
