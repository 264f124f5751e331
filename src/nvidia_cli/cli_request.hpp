// SPDX-License-Identifier: Apache-2.0
// What the options of nvidia-container-cli ask for.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "request/request.hpp"

namespace nvhook {

/// The options of `list` and `configure` as they were written, each in the order of the command
/// line.
struct CliSelection {
  std::vector<std::string> devices = {};
  std::vector<std::string> requirements = {};
  std::vector<std::string> mig_config = {};
  std::vector<std::string> mig_monitor = {};
  std::vector<std::string> imex_channels = {};
  CapabilitySet capabilities = {};
  LeftOut left_out = {};
};

/// Repeated options are one list, and commas separate in each; words after an `all` are not looked
/// at. Without a device there is none; without a capability the container gets the control device,
/// the firmware and its GPUs' nodes. Throws Error(invalid_request) for a MIG value other than
/// `all`, for MIG administration together with single MIG devices, and for an IMEX channel that is
/// no number below 2^20.
[[nodiscard]] Request request_of(const CliSelection& selection);

/// `--cuda-compat-mode`, given once or more, and `--no-cntlibs` (behaviour.md §9.4). What the
/// reference mounts from the image is put in front in the loader cache here. Throws
/// Error(invalid_request).
[[nodiscard]] CudaCompat cuda_compat_of(const std::vector<std::string>& modes, bool no_cntlibs);

}  // namespace nvhook
