// SPDX-License-Identifier: Apache-2.0
// The debug log: one fact per line, microseconds since the start. Off by default.
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

  /// Also writes to the file at `path`, opened for appending (created 0600, no link followed). A
  /// file that cannot be opened costs a line on the other sinks, never the container.
  void open_file(const std::string& path);
  /// Also writes to standard error.
  void use_stderr() noexcept { stderr_ = true; }

  [[nodiscard]] bool enabled() const noexcept { return stderr_ || static_cast<bool>(file_); }

  void line(std::string_view text) noexcept;
  void notes(const Notes& notes) noexcept;
  /// Logs what `phase` took since the last call of this function (or since the start).
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
