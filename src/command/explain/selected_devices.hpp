// SPDX-License-Identifier: Apache-2.0
// The devices that a container would get, in one line.
#pragma once

#include <string>

#include "host/gpu/gpu_selection.hpp"

namespace nvhook {

/// Returns for example `GPU 1 NVIDIA A100 (GPU-5c…), MIG 0 (MIG-…)`, and `no GPU` for none.
[[nodiscard]] std::string selected_text(const SelectedDevices& selected);

/// For a terminal, where UUIDs do not fit: for example `GPUs 0, 2-5 NVIDIA A100, MIG 0`.
[[nodiscard]] std::string selected_models(const SelectedDevices& selected);

}  // namespace nvhook
