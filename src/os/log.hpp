// SPDX-License-Identifier: Apache-2.0
// The debug log: one fact per line, with the microseconds since the start. Off by default.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "os/unique_fd.hpp"
#include "text/note.hpp"

namespace nvhook {

class Log {
 public:
  Log() = default;

  /// Also writes to the file at `path`, opened for appending (created 0600, links are not
  /// followed). If it cannot be opened, the other sinks get a line about it and the container
  /// starts all the same.
  void open_file(const std::string& path);
  /// Also writes to standard error.
  void use_stderr() noexcept { stderr_ = true; }

  [[nodiscard]] bool enabled() const noexcept { return stderr_ || static_cast<bool>(file_); }

  void line(std::string_view text) noexcept;
  void notes(const Notes& notes) noexcept;
  /// Logs how long `phase` took, from the last call of this function or the start.
  void phase(std::string_view phase) noexcept;

 private:
  using Clock = std::chrono::steady_clock;
  void write(std::string_view level, std::string_view text) noexcept;

  Clock::time_point start_ = Clock::now();
  Clock::time_point last_phase_ = start_;
  UniqueFd file_{};
  bool stderr_ = false;
};

}  // namespace nvhook
