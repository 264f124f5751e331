// SPDX-License-Identifier: Apache-2.0
// Asks NVML for memory and utilisation.
#pragma once

#include "host/gpu/gpu_usage.hpp"
#include "probe/nvml_library.hpp"

namespace nvhook {

/// Returns what NVML tells of each GPU, its MIG devices and its processes. A GPU that fails is
/// named in `errors`; what a GPU or driver does not support is left out.
[[nodiscard]] GpuUsage ask_for_usage(const NvmlLibrary& library);

}  // namespace nvhook
