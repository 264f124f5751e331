// SPDX-License-Identifier: Apache-2.0
// Derives a request from the options of nvidia-container-cli.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "request/request.hpp"

namespace nvhook {

/// The options of `list` and `configure` as they were given, each in the order of the command line.
struct CliSelection {
  std::vector<std::string> devices = {};
  std::vector<std::string> requirements = {};
  std::vector<std::string> mig_config = {};
  std::vector<std::string> mig_monitor = {};
  std::vector<std::string> imex_channels = {};
  CapabilitySet capabilities = {};
  LeftOut left_out = {};
};

/// Repeated options form one list, and each value may have commas; after `all` the other words are
/// ignored. Without a device the request has none; without a capability the container gets the
/// control device, the firmware and its GPUs' nodes. Throws Error(invalid_request) for a MIG value
/// other than `all`, for MIG administration together with single MIG devices, and for an IMEX
/// channel that is not a number below 2^20.
[[nodiscard]] Request request_of(const CliSelection& selection);

/// Combines `--cuda-compat-mode`, given once or more, and `--no-cntlibs` (docs/behaviour.md §9.4).
/// NVIDIA's toolkit mounts libraries of the image in the mode `mount`; we put them first in the
/// loader cache instead. Throws Error(invalid_request).
[[nodiscard]] CudaCompat cuda_compat_of(const std::vector<std::string>& modes, bool no_cntlibs);

}  // namespace nvhook
