// SPDX-License-Identifier: Apache-2.0
// systemd's private D-Bus socket, which root alone may use and which needs no bus.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/inventory.hpp"
#include "system/root_dir.hpp"
#include "system/unique_fd.hpp"

namespace nvhook {

class SystemdBus {
 public:
  /// Connects to the systemd of the host whose root is `system`; nothing, with errno, if there is
  /// none or this process may not.
  [[nodiscard]] static std::optional<SystemdBus> connect(const RootDir& system);

  /// Adds `devices` to what `unit` may read and write, in systemd's memory and beside the unit's
  /// files, at once. Why not, if that fails or takes longer than `deadline`. Once only.
  [[nodiscard]] std::optional<std::string> allow_devices(std::string_view unit,
                                                         const std::vector<DeviceNumber>& devices,
                                                         std::chrono::milliseconds deadline);

 private:
  explicit SystemdBus(UniqueFd socket) noexcept : socket_(std::move(socket)) {}

  UniqueFd socket_;
};

}  // namespace nvhook
