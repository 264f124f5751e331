// SPDX-License-Identifier: Apache-2.0
// Facts that /proc does not tell (compute capability, brand, names of MIG devices, CUDA version of
// an unknown branch), asked of NVML in a child.
#pragma once

#include "host/gpu/driver_details.hpp"
#include "host/gpu/gpu_question.hpp"

namespace nvhook {

/// Answers from the cache below /run/oci-nvidia-hook if it was written by root for this boot, this
/// driver, these GPUs and these MIG devices; otherwise runs `oci-nvidia-probe` with a fixed
/// environment, as a user of its own, and caches what it says. Throws Error(probe_failed) if the
/// probe is missing, dies, is silent past the deadline or says something else than it should, and
/// Error(driver_files_missing) if there is no NVML library to ask.
[[nodiscard]] DriverDetails query_gpus(const GpuQuery& query);

}  // namespace nvhook
