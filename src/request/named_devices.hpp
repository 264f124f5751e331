// SPDX-License-Identifier: Apache-2.0
// What the words of a device list ask for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "request/device_selection.hpp"
#include "request/device_words.hpp"
#include "request/wanted_devices.hpp"

namespace nvhook {

struct NamedDevices {
  /// Without a name of a GPU: none.
  WantedDevices gpus = {};
  /// `management.nvidia.com/gpu=all`
  bool is_management = false;
  /// `nvidia.com/gds=all`, …
  Features features = {};
  /// `nvidia.com/imex-channel=N`, in the order of the list.
  std::vector<unsigned> imex_channels = {};
  bool all_imex_channels = false;

  friend bool operator==(const NamedDevices&, const NamedDevices&) = default;
};

/// Reads a list that is not void (docs/behaviour.md §2.3). The first of `all` and `none` decides
/// which GPUs are meant; `all` counts in upper case too, because NVIDIA's CLI takes it so. Throws
/// Error(unknown_device) for a device by CDI that is none of NVIDIA's, or that its kind does not
/// have; Error(invalid_request) for an IMEX channel that is no number below 2^20.
[[nodiscard]] NamedDevices read_names(const DeviceWords& list);

/// Parses the number of an IMEX channel, which must be below 2^20. `source` says where `text` comes
/// from. Throws Error(invalid_request).
[[nodiscard]] unsigned parse_imex_channel(std::string_view text, const std::string& source);

}  // namespace nvhook
