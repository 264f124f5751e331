// SPDX-License-Identifier: Apache-2.0
// Asks NVML for memory and utilisation, which the kernel does not tell.
#pragma once

#include <optional>

#include "command/ps/sample.hpp"
#include "command/shell/command.hpp"
#include "config/config.hpp"

namespace nvhook {

/// Each question is a run of oci-nvidia-probe: without privileges, and with a deadline.
class UsageReader {
 public:
  /// `context` must outlive this.
  explicit UsageReader(CommandContext& context);

  /// Adds what NVML says to `sample`. That it does not answer becomes a note of the sample.
  void read(Sample& sample);

 private:
  CommandContext& context_;
  Config config_;
  std::optional<Inventory> inventory_ = {};  ///< with the driver's files
  Seconds read_ = 0;
};

}  // namespace nvhook
