// SPDX-License-Identifier: Apache-2.0
// systemd's private D-Bus socket, which root alone may use and which needs no bus.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/facts/inventory.hpp"
#include "os/device_number.hpp"
#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"

namespace nvhook {

class SystemdBus {
 public:
  using Clock = std::chrono::steady_clock;

  /// What systemd answered, or why it did not. After that nothing more can be asked.
  struct Answer {
    std::optional<std::string> text = {};
    std::string why_not = {};
  };

  /// Connects to the systemd of the host whose root is `system`; nothing, with errno, if there is
  /// none or this process may not.
  [[nodiscard]] static std::optional<SystemdBus> connect(const RootDir& system);

  /// Where the cgroup of the scope `unit` is, from the root of its hierarchy; empty if it has none.
  /// An error if that is not known by `end`.
  [[nodiscard]] Answer control_group(std::string_view unit, Clock::time_point end);

  /// Adds `devices` to what `unit` may read and write, in systemd's memory and beside the unit's
  /// files, at once. An error if that is not done by `end`.
  [[nodiscard]] Answer allow_devices(std::string_view unit,
                                     const std::vector<DeviceNumber>& devices,
                                     Clock::time_point end);

 private:
  explicit SystemdBus(UniqueFd socket) noexcept : socket_(std::move(socket)) {}

  /// The body of what is returned to `message`.
  [[nodiscard]] Answer call(const std::string& message, Clock::time_point end);
  [[nodiscard]] Answer take_reply(Clock::time_point end);

  UniqueFd socket_;
  bool is_known_ = false;      // systemd has taken us for root
  std::string received_ = {};  // and not read yet
};

}  // namespace nvhook
