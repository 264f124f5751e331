// SPDX-License-Identifier: Apache-2.0
// One record for each container that asked for GPUs: who asked for what, and what became of it.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "os/root_dir.hpp"
#include "os/unique_fd.hpp"
#include "plan/container_task.hpp"
#include "text/error.hpp"

namespace nvhook {

/// The record is written once, when the run ends. Nothing here throws, waits for a reader or fails
/// the start of a container. It names no variable and no path of the container.
class Audit {
 public:
  /// `caller` is `hook`, `cdi`, `precreate`, `runtime` or `nvidia-container-cli`.
  explicit Audit(std::string_view caller = "hook") noexcept : caller_(caller) {}

  void set_caller(std::string_view caller) noexcept { caller_ = caller; }

  /// Turns it on: `config.audit` is `journal`, or the path of a file to which lines are appended,
  /// which is opened now, by the rules of Log::open_file(). Empty: nothing is ever written.
  void enable(const Config& config, const RootDir& system) noexcept;

  [[nodiscard]] bool enabled() const noexcept { return to_journal_ || file_; }

  /// Takes down what the container asks for. A container without a request has no record.
  void describe(const ContainerTask& task) noexcept;

  /// Writes the record of a run that did what was asked, or, with `error`, of one that did not:
  /// then also if nothing has been described yet. `system` is the host's root.
  void finish(const RootDir& system, std::string_view container_id,
              const Error* error = nullptr) noexcept;

 private:
  using Clock = std::chrono::steady_clock;

  void write(const RootDir& system, std::string_view container_id, const Error* error) const;

  std::string_view caller_;
  Clock::time_point start_ = Clock::now();
  UniqueFd file_ = UniqueFd();
  bool to_journal_ = false;
  bool is_asked_ = false;
  std::string placement_ = {};
  std::string image_ = {};
  std::string devices_ = {};
  std::string capabilities_ = {};
};

}  // namespace nvhook
