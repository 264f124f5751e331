// SPDX-License-Identifier: Apache-2.0
// A client of systemd's private D-Bus socket, which only root may use and which needs no bus.
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

  /// systemd's answer, or why there is none. After an error nothing more can be asked.
  struct Answer {
    std::optional<std::string> text = {};
    std::string why_not = {};
  };

  /// Connects to the systemd of the host with the root `system`; nullopt, with errno, if there is
  /// none or the connection is refused.
  [[nodiscard]] static std::optional<SystemdBus> connect(const RootDir& system);

  /// Returns the cgroup of the scope `unit`, from the root of its hierarchy; empty if it has none.
  /// An error if there is no answer by `end`.
  [[nodiscard]] Answer control_group(std::string_view unit, Clock::time_point end);

  /// Adds `devices` to what `unit` may read and write, both in systemd's state and in the unit's
  /// files. An error if there is no answer by `end`.
  [[nodiscard]] Answer allow_devices(std::string_view unit,
                                     const std::vector<DeviceNumber>& devices,
                                     Clock::time_point end);

  /// Returns `active`, `inactive`, `failed`, … An error if there is no answer by `end`.
  [[nodiscard]] Answer active_state(std::string_view unit, Clock::time_point end);
  /// Has `unit` restarted. Returns the path of the job, which is gone when it is done. An error if
  /// there is no answer by `end`.
  [[nodiscard]] Answer restart(std::string_view unit, Clock::time_point end);
  /// Returns `waiting` or `running`. An error if the job is gone, or there is no answer by `end`.
  [[nodiscard]] Answer job_state(std::string_view job, Clock::time_point end);

 private:
  explicit SystemdBus(UniqueFd socket) noexcept : socket_(std::move(socket)) {}

  using Parse = std::optional<std::string> (*)(std::string_view body);
  /// Returns what `parse` finds in the reply to `message`.
  [[nodiscard]] Answer ask(const std::string& message, Clock::time_point end, Parse parse);
  /// Returns the body of the reply to `message`.
  [[nodiscard]] Answer call(const std::string& message, Clock::time_point end);
  /// Says who we are, and waits for the answer: systemd reads the first 256 bytes of a connection
  /// at once, and what follows the introduction in them waits there until more arrives.
  [[nodiscard]] Answer introduce(Clock::time_point end);
  [[nodiscard]] Answer send(std::string_view bytes) const;
  [[nodiscard]] Answer take_reply(Clock::time_point end);

  UniqueFd socket_;
  bool is_known_ = false;      // systemd has authenticated us as root
  std::string received_ = {};  // not parsed yet
};

}  // namespace nvhook
